"""Values for the variables of the clients' operations, out of what a deployment holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from dagster import DagsterEventType
from graphql.language import NonNullTypeNode

from dagstead.plane.alert_documents import read_document
from dagstead.plane.alert_policies import AlertDocument, StoredPolicy
from dagstead.plane.deployments import Branch
from dagstead.plane.locations import NewLocation
from tests.contract.documents import Document
from tests.contract.world import DEPLOYMENT, LOCATION, World
from tests.support.alert_policies import entry_of
from tests.support.releases import deploy

Value: TypeAlias = Callable[[World], Any]

#: Mutations go to a deployment of their own, so that they destroy nothing that others look for.
SCRATCH = "scratch"

_REPOSITORY = {"repositoryName": "__repository__", "repositoryLocationName": LOCATION}


class MissingValueError(Exception):
    """An operation declares a variable that was never seen: add a value to ``BY_NAME``."""


def variables_of(document: Document, world: World, *, every: bool) -> dict[str, Any]:
    """A value for each variable, or only for those that must be sent."""
    return {
        name: _value(document, name)(world)
        for definition in document.operation.variable_definitions
        if (name := definition.variable.name.value)
        and (every or isinstance(definition.type, NonNullTypeNode))
    }


def _value(document: Document, name: str) -> Value:
    own = BY_OPERATION.get(document.name, {}).get(name)
    value = own or BY_NAME.get(name)
    if value is None:
        message = f"{document.module}:{document.line} declares ${name}"
        raise MissingValueError(message)
    return value


def _always(value: Any) -> Value:
    return lambda _world: value


def _new_location(world: World) -> str:
    name = "doomed"
    deploy(
        world.surface.store,
        SCRATCH,
        [
            NewLocation(
                name=name, document={}, deploy_data="{}", deploy_id="deploy-doomed", queue=None
            )
        ],
    )
    return name


def _new_deployment(world: World) -> int:
    branch = Branch(repo_name="org/repo", branch_name="doomed")
    return world.surface.store.deployments.create_or_update_branch(branch, DEPLOYMENT).id


def _alert_policy(deployment: str) -> Callable[[World], StoredPolicy]:
    def made(world: World) -> StoredPolicy:
        store = world.surface.store
        entries = read_document([_ALERT_POLICY], AlertDocument.OFFICIAL)
        store.alert_policies.replace(deployment, AlertDocument.OFFICIAL, entries, "ada")
        return store.alert_policies.all(deployment).readable[0]

    return made


def _alert_policy_id(world: World) -> str:
    return str(_alert_policy(DEPLOYMENT)(world).id)


def _alert_policy_name(world: World) -> str:
    return _alert_policy(SCRATCH)(world).policy.name


def _captured_key(world: World) -> list[str]:
    for run_id in world.run_ids:
        for entry in world.instance.all_logs(run_id):
            event = entry.dagster_event
            if event is not None and event.event_type is DagsterEventType.LOGS_CAPTURED:
                return [run_id, "compute_logs", event.logs_captured_data.file_key]
    return [world.run_ids[0], "compute_logs", "none"]


_LOCATION_DOCUMENT = {"location_name": "toy", "code_source": {"module_name": "toy"}}
_LETTERED = {"path": ["lettered"]}
_NIGHTLY = {**_REPOSITORY, "scheduleName": "nightly"}
_WATCHFUL = {**_REPOSITORY, "sensorName": "watchful"}

_ALERT_POLICY = entry_of("p", "JOB_FAILURE", alert_targets=[{"run_result_target": {}}])

BY_NAME: Mapping[str, Value] = {
    "afterCursor": _always(None),
    "alertPolicyId": _alert_policy_id,
    "alertPolicyName": _alert_policy_name,
    "afterTimestamp": _always(1.0),
    "assetKey": _always(_LETTERED),
    "assetKeys": _always([_LETTERED, {"path": ["deep", "plain"]}]),
    "baseDeploymentName": _always(DEPLOYMENT),
    "beforeTimestamp": _always(9_999_999_999.0),
    "beforeTimestampMillis": _always("9999999999000"),
    "branchData": _always({"repoName": "org/repo", "branchName": "f", "pullRequestStatus": "OPEN"}),
    "branchName": _always("f"),
    "checkName": _always("good"),
    "commit": _always({"commitHash": "c0ffee", "timestamp": 1.0}),
    "cursor": _always(None),
    "deploymentId": _new_deployment,
    "deploymentName": _always(DEPLOYMENT),
    "deploymentSettings": _always(
        {
            "settings": {
                "run_queue": {"max_concurrent_runs": 3},
                # There is no agent.
                "releases": {"unserved_queue": "wait"},
            }
        }
    ),
    "description": _always("eu"),
    "document": _always({"locations": [_LOCATION_DOCUMENT]}),
    "durationSeconds": _always(1.5),
    "eventType": _always("DEPLOY"),
    # No agent serves this deployment: what needs one is driven by the compat tests.
    "executionParams": _always(
        {"selector": {**_REPOSITORY, "jobName": "unknown"}, "runConfigData": {}}
    ),
    "filenames": _always(["deps-1.pex", "source-2.pex"]),
    "filter": _always({"statuses": ["SUCCESS", "FAILURE"]}),
    "jobName": _always("unknown"),
    "key": _always("component"),
    "limit": _always(5),
    "locationName": _new_location,
    "logKey": _captured_key,
    "message": _always("done"),
    "onlyViewable": _always(True),  # noqa: FBT003 - a value like the others
    "organizationSettings": _always({"settings": {}}),
    "partitions": _always(["a", "c"]),
    "prefix": _always(["deep"]),
    "pullRequestStatus": _always("OPEN"),
    "reexecutionParams": _always({"parentRunId": "unknown", "strategy": "FROM_FAILURE"}),
    "repoName": _always("org/repo"),
    "repositoryLocationName": _always(LOCATION),
    "repositoryName": _always("__repository__"),
    "repositorySelector": _always(_REPOSITORY),
    "runId": lambda world: world.run_ids[0],
    "scheduleSelector": _always(_NIGHTLY),
    "scopes": _always({"fullDeploymentScope": True}),
    "secretName": _always("KEY"),
    "secretValue": _always("hunter2"),
    "sensorSelector": _always(_WATCHFUL),
    "snapshotBaseCondition": _always("ON_CREATE"),
    "statuses": _always(["SUCCESS", "FAILURE"]),
    "success": _always(True),  # noqa: FBT003 - a value like the others
    "tags": _always(["source:cli"]),
    "terminatePolicy": _always("SAFE_TERMINATE"),
    "version": _always("1"),
}

BY_OPERATION: Mapping[str, Mapping[str, Value]] = {
    "AddOrUpdateCodeLocation": {"document": _always(_LOCATION_DOCUMENT)},
    "CliAddOrUpdateLocation": {"document": _always(_LOCATION_DOCUMENT)},
    "CliReconcileAlertPoliciesFromDocumentMutation": {
        "document": _always({"alert_policies": [_ALERT_POLICY]})
    },
    "CreateOrUpdateAlertPolicy": {"document": _always(_ALERT_POLICY)},
    "ReconcileAlertPolicies": {"document": _always({"alert_policies": [_ALERT_POLICY]})},
    "ListAssetCheckExecutions": {"assetKey": _always({"path": ["deep", "plain"]})},
    "ListAssetChecks": {"assetKey": _always({"path": ["deep", "plain"]})},
    "RerunBackfill": {
        "reexecutionParams": _always({"parentRunId": "unknown", "strategy": "FROM_FAILURE"})
    },
    "TerminateRun": {"runId": _always("unknown")},
}

#: Where the answer is an error member by the choice of variables above.
EXPECTED_MEMBERS: Mapping[str, str] = {
    # The command line reads a text of this one alone.
    "CliLaunchRun": "PythonError",
    "LaunchRun": "PipelineNotFoundError",
    "RerunBackfill": "PythonError",
    "RerunRun": "PythonError",
    "TerminateRun": "RunNotFoundError",
}
