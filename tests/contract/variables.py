"""Values for the variables that operations declare, out of what a deployment holds."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from dagster import AssetKey, DagsterEventType
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.execution.backfill import BulkActionStatus
from dagster._core.execution.telemetry import RunTelemetryData
from dagster._core.scheduler.instigation import InstigatorStatus, TickStatus
from dagster._core.storage.dagster_run import DagsterRun
from dagster._serdes import serialize_value
from dagster_cloud.agent import AgentQueuesConfig
from dagster_cloud.api.dagster_cloud_api import AgentHeartbeat
from dagster_cloud.storage.event_logs.storage import _input_for_event
from graphql.language import (
    ListTypeNode,
    NamedTypeNode,
    NonNullTypeNode,
    TypeNode,
    VariableDefinitionNode,
)

from tests.contract.documents import Document
from tests.contract.world import (
    DEPLOYMENT,
    LOCATION,
    World,
    backfill,
    instigator_state,
    job_origin,
    tick_data,
)

Value: TypeAlias = Callable[[World], Any]


@dataclass(frozen=True)
class MissingValueError(Exception):
    """An operation declares a variable of a kind that was never seen."""

    document: Document
    variable: str
    type: str

    def __str__(self) -> str:
        return (
            f"{self.document.module}:{self.document.line} declares ${self.variable}: {self.type}, "
            "for which there is no value: add one to BY_NAME or BY_OPERATION."
        )


def every_variable(document: Document, world: World) -> dict[str, Any]:
    """A value for each variable."""
    return {
        definition.variable.name.value: _value(document, definition)(world)
        for definition in document.operation.variable_definitions
    }


def required_variables(document: Document, world: World) -> dict[str, Any]:
    """A value for each variable that must be sent, and null for the others, as clients send it."""
    return {
        definition.variable.name.value: (
            _value(document, definition)(world)
            if isinstance(definition.type, NonNullTypeNode) or _is_needed(document, definition)
            else None
        )
        for definition in document.operation.variable_definitions
    }


def _is_needed(document: Document, definition: VariableDefinitionNode) -> bool:
    return (document.name, definition.variable.name.value) in NEEDED


def _value(document: Document, definition: VariableDefinitionNode) -> Value:
    name = definition.variable.name.value
    own = BY_OPERATION.get(document.name, {}).get(name)
    if own is not None:
        return own
    value = BY_NAME.get((name, _type(definition.type))) or BY_NAME.get((name, None))
    if value is None:
        raise MissingValueError(document, name, _type(definition.type))
    return value


def _type(node: TypeNode) -> str:
    """The type without the marks of what must not be null."""
    if isinstance(node, NonNullTypeNode):
        return _type(node.type)
    if isinstance(node, ListTypeNode):
        return f"[{_type(node.type)}]"
    assert isinstance(node, NamedTypeNode)
    return node.name.value


def _always(value: Any, /) -> Value:
    return lambda _world: value


def _true(_world: World) -> bool:
    return True


def _run(world: World) -> DagsterRun:
    """The one that failed."""
    run = world.instance.get_run_by_id(world.run_ids[-2])
    assert run is not None
    return run


def _new_run(world: World) -> str:
    run = _run(world)
    return serialize_value(
        DagsterRun(job_name=run.job_name, run_id=str(uuid.uuid4()), tags={"team": "green"})
    )


def _event(world: World) -> Mapping[str, Any]:
    entries = world.instance.all_logs(_run(world).run_id)
    failure = next(
        entry
        for entry in entries
        if entry.dagster_event is not None
        and entry.dagster_event.event_type is DagsterEventType.STEP_FAILURE
    )
    sent: Mapping[str, Any] = _input_for_event(failure)
    return sent


def _run_event(world: World) -> Mapping[str, Any]:
    entries = world.instance.all_logs(world.run_ids[0])
    sent: Mapping[str, Any] = _input_for_event(entries[0])
    return sent


def _run_snapshot(kind: str) -> Value:
    return lambda world: getattr(_run(world), f"{kind}_snapshot_id")


def _job_snapshot(world: World) -> str:
    return serialize_value(world.instance.get_job_snapshot(_run_snapshot("job")(world)))


def _plan_snapshot(world: World) -> str:
    snapshot_id = _run_snapshot("execution_plan")(world)
    return serialize_value(world.instance.get_execution_plan_snapshot(snapshot_id))


def _heartbeat(world: World) -> list[dict[str, str]]:
    beat = AgentHeartbeat(
        timestamp=world.surface.store.clock(),
        agent_id=str(uuid.uuid4()),
        agent_label=None,
        agent_type="ProcessUserCodeLauncher",
        agent_queues_config=AgentQueuesConfig(),
    )
    return [{"deploymentName": DEPLOYMENT, "serializedAgentHeartbeat": serialize_value(beat)}]


_KEY = AssetKey("lettered").to_string()
_PLAIN = AssetKey(["deep", "plain"]).to_string()
_NIGHTLY = instigator_state("nightly", InstigatorType.SCHEDULE, InstigatorStatus.RUNNING)
_TAG_FILTER = {"key": "team", "value": "red"}
_TIMES = {"afterTimestamp": 1.0, "beforeTimestamp": 9_999_999_999.0}

_RUNS_FILTER = {
    "runIds": None,
    "pipelineName": "failing",
    "statuses": ["FAILURE", "SUCCESS"],
    "tags": [_TAG_FILTER],
    "snapshotId": None,
    "updatedAfter": 1.0,
    "updatedBefore": 9_999_999_999.0,
    "createdAfter": 1.0,
    "createdBefore": None,
}

_ASSET_RECORDS_FILTER = {
    "assetKey": _KEY,
    "assetPartitions": ["a", "b"],
    **_TIMES,
    "afterStorageId": 1,
    "beforeStorageId": 10_000,
    "tags": None,
    "storageIds": None,
}

#: Values by the variable's name, and by its type where one name has several.
BY_NAME: Mapping[tuple[str, str | None], Value] = {
    ("after", None): _always(1.0),
    ("afterCursor", None): _always(0),
    ("afterStorageId", None): _always(0),
    ("agentQueues", None): _always([None]),
    ("ascending", None): _true,
    ("assetCheckKeys", None): _always(["deep/plain:good", "deep/plain:bad"]),
    ("assetKey", None): _always(_KEY),
    ("assetKeys", "[AssetKeyInput]"): _always(
        [{"path": ["lettered"]}, {"path": ["deep", "plain"]}]
    ),
    ("assetKeys", "[String]"): _always([_KEY, _PLAIN]),
    ("assetPartitions", None): _always(["a", "c"]),
    ("backfillId", None): lambda world: world.backfills[0].backfill_id,
    ("before", None): _always(9_999_999_999.0),
    ("beforeCursor", None): _always(10_000),
    ("bucketBy", None): _always(
        {"bucketType": "tag", "tagKey": "team", "values": ["red"], "bucketLimit": 3}
    ),
    ("cacheValues", None): _always({"latestStorageId": 7, "partitionsDefId": "x"}),
    ("concurrencyKey", None): _always("narrow"),
    ("costInfo", None): _always([]),
    ("cursor", None): _always(None),
    ("deploymentNames", None): _always([DEPLOYMENT]),
    ("end", None): _always(2.0),
    ("eventRecord", None): _event,
    ("eventRecords", None): lambda world: [_event(world), _run_event(world)],
    ("eventRecordsFilter", None): _always(
        {
            "eventType": "STEP_SUCCESS",
            **_TIMES,
            "beforeCursor": 10_000,
            "afterCursor": 1,
            "runUpdatedAfter": 1.0,
        }
    ),
    ("eventType", None): _always("ASSET_MATERIALIZATION"),
    ("executionPlanSnapshotId", None): _run_snapshot("execution_plan"),
    ("filterEventId", None): _always(None),
    ("filterTags", None): _always([]),
    ("filters", "BulkActionsFilter"): _always(
        {"statuses": ["REQUESTED"], "createdAfter": 1.0, "createdBefore": None, "selectorId": None}
    ),
    ("filters", "RunsFilter"): _always(_RUNS_FILTER),
    ("forBranchDeployments", None): _true,
    ("forFullDeployments", None): _always([DEPLOYMENT]),
    ("heartbeatedSince", None): _always(1.0),
    ("includeAllServerlessDeployments", None): _true,
    ("includePartitions", None): _true,
    ("jobOriginId", None): _always(_NIGHTLY.instigator_origin_id),
    ("jobType", None): _always("SCHEDULE"),
    ("jsonNewTags", None): _always(json.dumps({"colour": "grey"})),
    ("jsonTagKeys", None): _always(json.dumps(["team"])),
    ("key", None): _always("component"),
    ("limit", None): _always(5),
    ("locationName", None): _always(LOCATION),
    ("metricName", None): _always("credits"),
    ("metrics", None): _always([]),
    ("modelVersion", None): _always("1"),
    ("num", None): _always(2),
    ("ofType", None): _always("STEP_START"),
    ("ofTypes", None): _always(["ASSET_MATERIALIZATION", "STEP_SUCCESS"]),
    ("orderBy", None): _always("update_timestamp"),
    ("params", None): _always({}),
    ("partition", None): _always("a"),
    ("partitionFilter", None): _always({"key": None}),
    ("partitionKey", None): _always("red"),
    ("partitionKeys", None): _always(["red", "yellow"]),
    ("partitions", None): _always(["a", "b"]),
    ("partitionsDefName", None): _always("colours"),
    ("pipelineSnapshotId", None): _run_snapshot("job"),
    ("priority", None): _always(1),
    ("recordsFilter", "AssetRecordsFilter"): _always(_ASSET_RECORDS_FILTER),
    ("recordsFilter", "RunStatusChangeRecordsFilter"): _always(
        {"eventType": "PIPELINE_SUCCESS", **_TIMES, "jobNames": None}
    ),
    ("repositoryOriginId", None): _always(_NIGHTLY.repository_origin_id),
    ("repositorySelectorId", None): _always(_NIGHTLY.repository_selector_id),
    ("runCreationTime", None): _always(1_600_000_000.0),
    ("runId", None): lambda world: _run(world).run_id,
    ("runsFilter", None): _always({"statuses": ["SUCCESS"]}),
    ("selectorId", None): _always(_NIGHTLY.selector_id),
    ("serializedAgentHeartbeats", None): _heartbeat,
    ("serializedDaemonHeartbeat", None): lambda world: serialize_value(world.heartbeats[0]),
    ("serializedErrors", None): _always([]),
    ("serializedExecutionPlanSnapshot", None): _plan_snapshot,
    ("serializedJobOrigin", None): _always(serialize_value(job_origin("failing", "renamed"))),
    ("serializedJobTickData", None): _always(
        serialize_value(tick_data(_NIGHTLY, TickStatus.SUCCESS, 1_700_000_999.0))
    ),
    ("serializedPartitionBackfill", None): _always(
        serialize_value(backfill("backfill0", BulkActionStatus.CANCELING, 1_700_000_000.0))
    ),
    ("serializedPipelineRun", None): _new_run,
    ("serializedPipelineSnapshot", None): _job_snapshot,
    ("serializedTags", None): _always("{}"),
    ("serializedTelemetry", None): lambda world: serialize_value(
        RunTelemetryData(run_id=_run(world).run_id, datapoints={"memory": 1.0})
    ),
    ("start", None): _always(1.0),
    ("status", None): _always("REQUESTED"),
    ("statuses", "[InstigationTickStatus]"): _always(["SUCCESS", "FAILURE"]),
    ("statuses", "[String]"): _always(["RUNNING"]),
    ("stepKey", None): _always("patient"),
    ("stepKeys", None): _always(["patient"]),
    ("tagKeys", None): _always(["dagster/data_version"]),
    ("tickId", None): lambda world: world.ticks[0].tick_id,
    ("valuePrefix", None): _always("re"),
    ("version", None): _always("1"),
}

#: Where an operation needs a value of its own, mostly not to destroy what others look for.
BY_OPERATION: Mapping[str, Mapping[str, Value]] = {
    "AddDynamicPartitions": {"partitionKeys": _always(["yellow", "brown"])},
    "DeleteConcurrencyLimit": {"concurrencyKey": _always("wide")},
    "DeleteDynamicPartition": {"partitionKey": _always("blue")},
    "DeleteEvents": {"runId": lambda world: world.run_ids[-1]},
    "EnableSecondaryIndex": {"name": _always("any")},
    "WipeAsset": {"assetKey": _always(AssetKey("wiped").to_string())},
    "WipeAssetCachedStatusData": {"assetKey": _always(AssetKey("wiped").to_string())},
    "WipeAssetPartitions": {"assetKey": _always(AssetKey("wiped").to_string())},
    # The only id that a client computes.
    "addExecutionPlanSnapshotMutation": {"snapshotId": _run_snapshot("execution_plan")},
    "addPipelineSnapshotMutation": {"snapshotId": _run_snapshot("job")},
    "addBackfill": {
        "serializedPartitionBackfill": lambda _world: serialize_value(
            backfill(uuid.uuid4().hex[:8], BulkActionStatus.REQUESTED, 1_700_000_000.0)
        )
    },
    "addJobStateMutation": {
        "serializedJobState": lambda _world: serialize_value(
            instigator_state(str(uuid.uuid4()), InstigatorType.SENSOR, InstigatorStatus.RUNNING)
        )
    },
    # Storage takes either a status or a filter.
    "getBackfillsQuery": {"status": _always(None)},
    "getAssetPartitionsForRun": {"runId": lambda world: world.run_ids[0]},
    "updateAssetCachedStatusData": {"assetKey": _always(AssetKey("wiped").to_string())},
    "updateJobStateMutation": {"serializedJobState": _always(serialize_value(_NIGHTLY))},
}

#: Variables that may be null as declared, and without which open-source storage cannot answer;
#: official clients always send them.
NEEDED = frozenset(
    {
        ("getEventRecords", "eventRecordsFilter"),
        ("getLatestTagsByPartition", "tagKeys"),
        ("jobState", "selectorId"),
        ("jobTicks", "selectorId"),
    }
)
