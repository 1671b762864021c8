"""What each root field needs: one table, for everything that asks who may.

What a field is asked *about* is checked by the act or view of ``control`` that answers it. The
fields of open-source Dagster have none in between; they are all about one whole deployment, and
this table is what stands before them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Any, TypeAlias, cast

from graphql import (
    GraphQLField,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    default_field_resolver,
)

from dagstead.control.actor import Actor
from dagstead.operator_api.context import context_of


class Right(IntEnum):
    """What the holder of a token may do in a deployment, the least first."""

    #: Of the caller itself, or nothing in particular: the answer is cut to what it is granted.
    CALL = 0
    #: Deploy code locations, and see what became of them; cut to those that are granted.
    DEPLOY = 1
    #: See the whole deployment.
    READ = 2
    #: Have code run, or stop it.
    LAUNCH = 3
    #: Change what the deployment remembers, and how it works.
    EDIT = 4
    #: Act on the organization.
    ADMINISTER = 5


_CALL = """
    branchDeployments createOrUpdateBranchDeployment currentDeployment deploymentByName deployments
    fullDeployments generateServerlessPexUrl getBranchDeploymentName markCliEvent
    organizationSettings serverless storedPexFiles version
"""
_DEPLOY = """
    addOrUpdateLocationFromDocument agents createRelease deleteLocation deployLocations
    deployedLocations endRelease locationsAsDocument reconcileLocationsFromDocument release releases
    rollBack rollbackPlan unserved workspace workspaceOrError
"""
_READ = """
    allTopLevelResourceDetailsOrError appManagedComponentsForLocationOrError assetBackfillPreview
    assetCheckExecutions assetConditionEvaluationForPartition assetConditionEvaluationRecordsOrError
    assetConditionEvaluationsForEvaluationId assetNodeAdditionalRequiredKeys
    assetNodeDefinitionCollisions assetNodeOrError assetNodes assetOrError assetRecordsOrError
    assetsLatestInfo assetsOrError autoMaterializeAssetEvaluationsOrError
    autoMaterializeEvaluationsForEvaluationId autoMaterializeTicks canBulkTerminate capturedLogs
    capturedLogsMetadata codeLocations componentTypesForLocationOrError
    componentsForLocationOrError deploymentSettings executionPlanOrError graphOrError instance
    instigationStateOrError instigationStatesOrError isPipelineConfigValid latestDefsStateInfo
    locationStateChangeEvents locationStatusesOrError logTelemetry logsForRun organization
    partitionBackfillOrError partitionBackfillsOrError partitionSetOrError partitionSetsOrError
    permissions pipelineOrError pipelineRunLogs pipelineRunOrError pipelineRunsOrError
    pipelineSnapshotOrError repositoriesOrError repositoryOrError resourcesOrError
    runConfigSchemaOrError runGroupOrError runIdsOrError runOrError runTagKeysOrError
    runTagsOrError runsFeedCountOrError runsFeedOrError runsOrError runsUnderWay scheduleOrError
    scheduler schedulesOrError sensorOrError sensorsOrError servingAgents setNuxSeen shouldShowNux
    test topLevelResourceDetailsOrError truePartitionsForAutomationConditionEvaluationNode
    utilizedEnvVarsOrError workspaceLocationEntryOrError
"""
_LAUNCH = """
    cancelPartitionBackfill launchMultipleRuns launchPartitionBackfill launchPipelineExecution
    launchPipelineReexecution launchRun launchRunReexecution reexecutePartitionBackfill
    resumePartitionBackfill scheduleDryRun sensorDryRun terminatePipelineExecution terminateRun
    terminateRuns
"""
_EDIT = """
    addDynamicPartition deleteAppManagedComponent deleteConcurrencyLimit deleteDynamicPartitions
    deletePipelineRun deleteRun freeConcurrencySlots freeConcurrencySlotsForRun
    refreshComponentState reloadRepositoryLocation reloadWorkspace reportAssetCheckEvaluations
    reportRunlessAssetEvents resetSchedule resetSensor setAppManagedComponent
    setAutoMaterializePaused setConcurrencyLimit setDeploymentSettings setLatestDefsStateVersion
    setSensorCursor shutdownRepositoryLocation startSchedule startSensor stopRunningSchedule
    stopSensor wipeAssets
"""
#: Deleting branch deployments is not of the organization; the act decides.
_ADMINISTER = """
    addTrustPolicy agentTokenOrError agentTokensOrError createAgentToken createDeployment
    createOrUpdateAgentPermissions createUserToken deleteDeployment forgetAgent issueToken pauseRuns
    removeAgentPermissions removeDeployment removeTrustPolicy resumeRuns revokeAgentToken
    revokeToken revokeUserToken serverParts serverSettings setOrganizationSettings storage
    sweepStorage tokens trail trailVerification trustPolicies userTokensOrError
"""

RIGHTS: Mapping[str, Right] = {
    name: right
    for right, names in {
        Right.CALL: _CALL,
        Right.DEPLOY: _DEPLOY,
        Right.READ: _READ,
        Right.LAUNCH: _LAUNCH,
        Right.EDIT: _EDIT,
        Right.ADMINISTER: _ADMINISTER,
    }.items()
    for name in names.split()
}

#: What is answered also where no deployment is named: about the caller, the organization, or what
#: it names by itself.
WITHOUT_DEPLOYMENT = frozenset(
    f"{_CALL} {_ADMINISTER} codeLocations organization servingAgents".split()
) - {"currentDeployment"}

#: Every type says its name, and the schema is no secret.
_OF_GRAPHQL = frozenset({"__typename", "__schema", "__type"})

#: Where the fields that a deploy needs lead into open-source Dagster's. Whoever deploys a location
#: sees of its definitions only that they have loaded.
_NESTED: Mapping[str, frozenset[str]] = {"RepositoryLocation": frozenset({"id", "name"})}

#: Where files are on the server's machine, for those who administer it; what others get instead.
_PATHS: Mapping[str, Mapping[str, str | None]] = {
    "Instance": {"executablePath": ""},
    "CapturedLogsMetadata": {"stdoutLocation": None, "stderrLocation": None},
}

_Resolve: TypeAlias = Callable[..., Any]


def right_of(field: str) -> Right:
    """The right that a root field needs; the highest for one that nobody has thought of."""
    return Right.CALL if field in _OF_GRAPHQL else RIGHTS.get(field, Right.ADMINISTER)


def require(actor: Actor, field: str) -> None:
    """Refuse a root field to those who lack the right that it needs.

    Raises:
        ForbiddenError: with a sentence for the caller.
    """
    if right_of(field) > Right.DEPLOY:
        actor.require_whole(repr(field))


def guard(schema: GraphQLSchema) -> None:
    """Check the right of every root field when it is executed, however it was asked for."""
    for root in (schema.query_type, schema.mutation_type, schema.subscription_type):
        if root is not None:
            _guard_root(root)
    for kind, harmless in _NESTED.items():
        fields = _fields(schema, kind)
        for name in fields.keys() - harmless:
            resolve = fields[name].resolve or default_field_resolver
            fields[name].resolve = _guarded(f"{kind}.{name}", resolve)
    for kind, paths in _PATHS.items():
        fields = _fields(schema, kind)
        for name, instead in paths.items():
            resolve = fields[name].resolve or default_field_resolver
            fields[name].resolve = _hidden(instead, resolve)


def _guard_root(root: GraphQLObjectType) -> None:
    for name, field in root.fields.items():
        field.resolve = _guarded(name, field.resolve or default_field_resolver)
        if field.subscribe is not None:
            field.subscribe = _guarded(name, field.subscribe)


def _fields(schema: GraphQLSchema, kind: str) -> Mapping[str, GraphQLField]:
    fields: Mapping[str, GraphQLField] = cast("GraphQLObjectType", schema.type_map[kind]).fields
    return fields


def _hidden(instead: str | None, resolve: _Resolve) -> _Resolve:
    def hidden(source: object, info: GraphQLResolveInfo, **arguments: object) -> object:
        is_shown = context_of(info).actor.is_unlimited
        return resolve(source, info, **arguments) if is_shown else instead

    return hidden


def _guarded(field: str, resolve: _Resolve) -> _Resolve:
    needs_deployment = field not in WITHOUT_DEPLOYMENT

    def guarded(source: object, info: GraphQLResolveInfo, **arguments: object) -> object:
        context = context_of(info)
        require(context.actor, field)
        if needs_deployment:
            # Whoever named none is refused here.
            _ = context.deployment
        return resolve(source, info, **arguments)

    return guarded
