"""What each root field needs: one table, for everything that asks who may.

What a field is asked *about* is checked by the act or view of ``control`` that answers it. The
fields of open-source Dagster have none in between; they are all about one whole deployment, and
this table is what stands before them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from graphql import (
    GraphQLField,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    default_field_resolver,
)

from dagstead.control.actor import Actor
from dagstead.errors import ForbiddenError
from dagstead.operator_api.context import context_of
from dagstead.operator_api.refusals import refused_member
from dagstead.plane.deployments import Deployment
from dagstead.plane.roles import Permission


@dataclass(frozen=True, kw_only=True, slots=True)
class Right:
    """What the holder of a token needs to ask for a field."""

    #: That its role has to allow.
    permission: Permission
    #: Whether a token that is limited to locations will do: the answer is cut to these.
    for_locations: bool = False


#: Of the caller itself, or nothing in particular: the answer is cut to what is granted.
_CALL = """
    branchDeployments currentDeployment deploymentByName deployments fullDeployments
    getBranchDeploymentName markCliEvent organizationSettings queue queues serverless storedPexFiles
    version
"""
#: What became of deployed code locations; cut to those that are granted.
_SEE_DEPLOYED = """
    agents deployedLocations locationsAsDocument problems release releases secretsOrError
    storedSecrets why workspace workspaceOrError
"""
#: See the whole deployment.
_READ = """
    alertBoard alertDelivery alertDocument alertPolicies alertPoliciesAsDocumentOrError
    alertPoliciesForJob alertPolicyById alertPolicyNotifications
    allTopLevelResourceDetailsOrError appManagedComponentsForLocationOrError assetBackfillPreview
    assetCheckExecutions assetConditionEvaluationForPartition assetConditionEvaluationRecordsOrError
    assetConditionEvaluationsForEvaluationId assetNodeAdditionalRequiredKeys
    assetNodeDefinitionCollisions assetNodeOrError assetNodes assetOrError assetRecordsOrError
    assetsLatestInfo assetsOrError autoMaterializeAssetEvaluationsOrError
    autoMaterializeEvaluationsForEvaluationId autoMaterializeTicks baseComparison canBulkTerminate
    capturedLogs
    capturedLogsMetadata codeLocations componentTypesForLocationOrError
    componentsForLocationOrError deploymentSettings executionPlanOrError graphOrError instance
    instigationStateOrError instigationStatesOrError isPipelineConfigValid latestDefsStateInfo
    locationStateChangeEvents locationStatusesOrError logTelemetry logsForRun organization
    partitionBackfillOrError partitionBackfillsOrError partitionSetOrError partitionSetsOrError
    permissions pipelineOrError pipelineRunLogs pipelineRunOrError pipelineRunsOrError
    pipelineSnapshotOrError repositoriesOrError repositoryOrError resourcesOrError
    runConfigSchemaOrError runGroupOrError runIdsOrError runNotificationsOrError
    runOrError runTagKeysOrError
    runTagsOrError runsFeedCountOrError runsFeedOrError runsOrError runsUnderWay scheduleOrError
    scheduler schedulesOrError sensorOrError sensorsOrError servingAgents shouldShowNux test
    topLevelResourceDetailsOrError truePartitionsForAutomationConditionEvaluationNode
    utilizedEnvVarsOrError waitingRuns workspaceLocationEntryOrError
"""
_LAUNCH = """
    cancelPartitionBackfill deletePipelineRun deleteRun launchMultipleRuns launchPartitionBackfill
    launchPipelineExecution launchPipelineReexecution launchRun launchRunReexecution
    reexecutePartitionBackfill resumePartitionBackfill terminatePipelineExecution terminateRun
    terminateRuns
"""
_AUTOMATE = """
    resetSchedule resetSensor scheduleDryRun sensorDryRun setAutoMaterializePaused setSensorCursor
    startSchedule startSensor stopRunningSchedule stopSensor
"""
_CHANGE_DATA = """
    addDynamicPartition deleteAppManagedComponent deleteConcurrencyLimit deleteDynamicPartitions
    freeConcurrencySlots freeConcurrencySlotsForRun refreshComponentState
    reportAssetCheckEvaluations reportRunlessAssetEvents setAppManagedComponent setConcurrencyLimit
    setLatestDefsStateVersion wipeAssets
"""
#: Those who may not deploy learn it before they build, or plan a rollback.
_DEPLOY = """
    addOrUpdateLocationFromDocument createRelease deleteLocation deployLocations endRelease
    reconcileLocationsFromDocument rollBack rollbackPlan unserved
"""
_STORE = "generateServerlessPexUrl"
_RELOAD = "reloadRepositoryLocation reloadWorkspace shutdownRepositoryLocation"
_BRANCH = "createOrUpdateBranchDeployment"
#: A welcome page is not offered, and whether it was seen is stored for everybody.
_CONFIGURE = "setDeploymentSettings setNuxSeen"
_ALERT = """
    createOrUpdateAlertPolicyFromDocument deleteAlertPolicy endAlertSilence
    reconcileAlertPoliciesFromDocument silenceAlerts syncAlerts testAlert
"""
_SET_SECRETS = "createOrUpdateSecretForScopes removeSecret setSecret"
#: Branch deployments, too; for full ones, the act asks for more.
_DELETE = "deleteDeployment removeDeployment"
#: All deployments share them.
_QUEUES = "pauseQueue removeQueue resumeQueue setQueue"
#: Act on the organization.
_ADMINISTER = """
    addTrustPolicy agentTokenOrError agentTokensOrError createAgentToken createDeployment
    createOrUpdateAgentPermissions createSignInLink createUserToken endSessions forgetAgent
    issueToken masterKey pauseRuns pinRepository refusedCallers removeAgentPermissions
    removeTrustPolicy resumeRuns revokeAgentToken revokeToken revokeUserToken rotateMasterKey
    rotateToken serverParts serverSettings setOrganizationSettings storage sweepStorage tokens
    trail trailVerification trustPins trustPolicies userTokensOrError
"""

_OF_LOCATIONS: Sequence[tuple[Permission, str]] = (
    (Permission.VIEW, _CALL),
    (Permission.VIEW, _SEE_DEPLOYED),
    (Permission.DEPLOY, _DEPLOY),
    (Permission.DEPLOY, _STORE),
    (Permission.BRANCH, _BRANCH),
)
_OF_DEPLOYMENTS: Sequence[tuple[Permission, str]] = (
    (Permission.VIEW, _READ),
    (Permission.LAUNCH, _LAUNCH),
    (Permission.AUTOMATE, _AUTOMATE),
    (Permission.CHANGE_DATA, _CHANGE_DATA),
    (Permission.DEPLOY, _RELOAD),
    (Permission.CONFIGURE, _CONFIGURE),
    (Permission.ALERTS, _ALERT),
    (Permission.SECRETS, _SET_SECRETS),
    (Permission.BRANCH, _DELETE),
    (Permission.QUEUES, _QUEUES),
    (Permission.ADMINISTER, _ADMINISTER),
)

RIGHTS: Mapping[str, Right] = {
    name: Right(permission=permission, for_locations=for_locations)
    for for_locations, rows in ((True, _OF_LOCATIONS), (False, _OF_DEPLOYMENTS))
    for permission, names in rows
    for name in names.split()
}

#: What is answered also where no deployment is named: about the caller, the organization, or what
#: it names by itself.
WITHOUT_DEPLOYMENT = frozenset(
    f"{_CALL} {_STORE} {_BRANCH} {_DELETE} {_QUEUES} {_ADMINISTER} codeLocations organization "
    "problems removeSecret servingAgents setSecret storedSecrets waitingRuns why".split()
) - {"currentDeployment"}

#: What is asked about by location: a role at one is enough to ask, and the act, or open-source
#: Dagster by ``engine.permissions``, looks at which one it is. Others need the whole deployment.
BY_LOCATION = frozenset(
    f"""
    {_LAUNCH} {_DEPLOY}
    addDynamicPartition deleteAppManagedComponent deleteDynamicPartitions refreshComponentState
    reloadRepositoryLocation reportAssetCheckEvaluations reportRunlessAssetEvents resetSchedule
    resetSensor scheduleDryRun sensorDryRun setAppManagedComponent setSensorCursor
    shutdownRepositoryLocation startSchedule startSensor stopRunningSchedule stopSensor wipeAssets
    """.split()
)

_NOBODY_ELSE = Right(permission=Permission.ADMINISTER)

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
    if field in _OF_GRAPHQL:
        return Right(permission=Permission.VIEW, for_locations=True)
    return RIGHTS.get(field, _NOBODY_ELSE)


def require(actor: Actor, field: str) -> None:
    """Refuse a root field to tokens that are limited to locations, if it is about more.

    Raises:
        ForbiddenError: with a sentence for the caller.
    """
    if not right_of(field).for_locations:
        actor.require_whole(repr(field))


def _require_role(actor: Actor, field: str, deployment: Deployment | None) -> None:
    permission = right_of(field).permission
    if permission is Permission.VIEW:
        return
    if deployment is None or field in BY_LOCATION:
        actor.require_permission_somewhere(permission, deployment)
    else:
        actor.require_permission(permission, deployment)


def guard(schema: GraphQLSchema) -> None:
    """Check the right of every root field when it is executed, however it was asked for."""
    for root in (schema.query_type, schema.mutation_type, schema.subscription_type):
        if root is not None:
            _guard_root(root)
    for kind, harmless in _NESTED.items():
        fields = _fields(schema, kind)
        for name in fields.keys() - harmless:
            resolve = fields[name].resolve or default_field_resolver
            fields[name].resolve = _of_whole(f"{kind}.{name}", resolve)
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


def _of_whole(field: str, resolve: _Resolve) -> _Resolve:
    """What every role sees, but not a token that is limited to locations."""

    def of_whole(source: object, info: GraphQLResolveInfo, **arguments: object) -> object:
        context_of(info).actor.require_whole(repr(field))
        return resolve(source, info, **arguments)

    return of_whole


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
        # Whoever named none is refused here.
        deployment = context.deployment if needs_deployment else None
        try:
            _require_role(context.actor, field, deployment)
        except ForbiddenError as error:
            return refused_member(info, error)
        return resolve(source, info, **arguments)

    return guarded
