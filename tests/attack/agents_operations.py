"""How to send every operation of the agents' surface about what is somebody else's.

A new argument has no value here: the tests say so.
"""

from __future__ import annotations

import json
import uuid
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dagster._core.execution.telemetry import RunTelemetryData
from dagster._core.scheduler.instigation import InstigatorStatus
from dagster._daemon.types import DaemonHeartbeat
from dagster._serdes import pack_value, serialize_value
from dagster_cloud.agent import AgentQueuesConfig
from dagster_cloud.api.dagster_cloud_api import (
    AgentHeartbeat,
    BatchDagsterCloudUploadApiResponse,
    DagsterCloudApiErrorResponse,
    DagsterCloudCodeLocationUpdateResult,
    DagsterCloudUploadApiResponse,
    DagsterCloudUploadWorkspaceEntry,
    SnapshotType,
    StoredSnapshot,
    StoreEventBatchRequest,
)
from dagster_cloud.storage.event_logs.storage import _input_for_event
from dagster_cloud_cli.core.workspace import CodeLocationDeployData
from dagster_shared.error import SerializableErrorInfo

from dagstead.agent_api.graphql.arguments import _parameters, _underlying
from dagstead.agent_api.graphql.executor import Namespace, Resolver
from dagstead.agent_api.graphql.roots import agent_executor
from dagstead.agent_api.routes import agent_routes, blob_routes
from dagstead.control.snapshots import Snapshots
from dagstead.engine.run_launcher import AGENT_ID_TAG
from tests.attack.agents_plane import AGENT_ID, OURS, AgentsPlane, Victim
from tests.attack.agents_values import (
    FORGED_LOG,
    backfill_of,
    entry_of,
    gpu_asset,
    job_origin,
    run_of,
    sensor_state,
)


@dataclass(frozen=True, kw_only=True)
class Request:
    """One call."""

    method: str = "POST"
    path: str = "/graphql"
    more: Mapping[str, Any] = field(default_factory=dict)


def graphql_fields() -> Mapping[str, Resolver]:
    """All fields that agents may ask for, by their paths."""
    return dict(_walk(agent_executor().roots))


def endpoints() -> list[str]:
    """All other addresses."""
    services: Any = None
    routes = [*agent_routes(services), *blob_routes(services, spool=services, max_bytes=1)]
    return [
        f"{method} {route.path}"
        for route in routes
        for method in sorted(route.methods or ())
        if method != "HEAD"
    ]


def _walk(fields: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Resolver]]:
    for name, found in fields.items():
        if isinstance(found, Namespace):
            yield from _walk(found.fields, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", found


Value = Callable[[AgentsPlane, Victim, str], Any]


def calls(operation: str, plane: AgentsPlane, victim: Victim) -> list[Request]:
    """Ways to send an operation about what is the victim's: one per run, where it names one."""
    if " " in operation:
        return [made for run in victim.runs for made in ENDPOINTS[operation](plane, victim, run)]
    resolver = graphql_fields()[operation]
    found = {
        json.dumps(_document(operation, resolver, plane, victim, run), sort_keys=True)
        for run in victim.runs
    }
    return [Request(more={"json": json.loads(text)}) for text in sorted(found)]


def _document(
    operation: str, resolver: Resolver, plane: AgentsPlane, victim: Victim, run: str
) -> dict[str, Any]:
    names = [parameter.wire_name for parameter in _parameters(_underlying(resolver))]
    own = BY_OPERATION.get(operation, {})
    missing = [name for name in names if name not in {*own, *BY_NAME}]
    assert not missing, f"say in {__name__} what {operation} is to be tried with: {missing}"
    variables = {name: (own.get(name) or BY_NAME[name])(plane, victim, run) for name in names}
    declared = ", ".join(f"${name}: Any" for name in names)
    given = ", ".join(f"{name}: ${name}" for name in names)
    field_name = operation.rpartition(".")[2] + (f"({given})" if given else "")
    fields = {"deployments", "deploymentInfo", "workspace"}
    entries = "{ workspaceEntries { locationName serializedDeploymentMetadata } }"
    selected = f"{field_name} {entries if operation in fields else ''}"
    for namespace in reversed(operation.split(".")[:-1]):
        selected = f"{namespace} {{ {selected} }}"
    head = f"mutation({declared})" if declared else "mutation"
    return {"query": f"{head} {{ {selected} }}", "variables": variables}


def _always(value: Any) -> Value:
    return lambda _plane, _victim, _run: value


def _none(_plane: AgentsPlane, _victim: Victim, _run: str) -> None:
    return None


def _runs_filter(_plane: AgentsPlane, _victim: Victim, run: str) -> dict[str, list[str]]:
    return {"runIds": [run]}


def _run_id(_plane: AgentsPlane, _victim: Victim, run: str) -> str:
    return run


_KEY = gpu_asset.key.to_string()
_RECORDS_FILTER = {"assetKey": _KEY}

#: Arguments that may be left out, and that name nobody's things.
_LEFT_OUT = (
    *("after", "afterCursor", "afterStorageId", "ascending", "assetPartitions", "before"),
    *("beforeCursor", "bucketBy", "cursor", "filterEventId", "filterTags", "heartbeatedSince"),
    *("includeAllServerlessDeployments", "includePartitions", "jobType", "limit", "ofType"),
    *("ofTypes", "orderBy", "partition", "partitionFilter", "partitions", "priority"),
    *("repositoryOriginId", "repositorySelectorId", "snapshotId", "status", "statuses"),
    *("stepKeys", "tagKeys", "valuePrefix"),
)

BY_NAME: Mapping[str, Value] = {
    **dict.fromkeys(_LEFT_OUT, _none),
    "agentQueues": _always(["gpu", "cpu", None]),
    "assetCheckKeys": _always([]),
    "assetKey": _always(_KEY),
    "assetKeys": _always([_KEY]),
    "backfillId": lambda _plane, victim, _run: victim.backfill.backfill_id,
    "cacheValues": _always({"latestStorageId": 7, "partitionsDefId": "x"}),
    "concurrencyKey": _always("narrow"),
    "costInfo": _always([]),
    "deploymentNames": _always([OURS]),
    "end": _always(2.0),
    "eventRecord": lambda _plane, _victim, run: _input_for_event(entry_of(run)),
    "eventRecords": lambda _plane, _victim, run: [_input_for_event(entry_of(run))],
    "eventRecordsFilter": _always({"eventType": "RUN_FAILURE"}),
    "eventType": _always("ASSET_MATERIALIZATION"),
    "executionPlanSnapshotId": _always("x"),
    "filters": _none,
    "forBranchDeployments": _always(value=True),
    "forFullDeployments": _always([OURS]),
    "jobOriginId": lambda _plane, victim, _run: victim.state.instigator_origin_id,
    "jsonNewTags": lambda _plane, _victim, _run: json.dumps({"mark": "by an attacker"}),
    "jsonTagKeys": _always(json.dumps(["mark"])),
    "key": _always("dagster-app-managed-components[gpu_loc]/component"),
    "locationName": _always("gpu_loc"),
    "metricName": _always("credits"),
    "metrics": _always([]),
    "modelVersion": _always("1"),
    "name": _always("x"),
    "num": _always(2),
    "params": _always({}),
    "partitionKey": _always("red"),
    "partitionKeys": _always(["red"]),
    "partitionsDefName": _always("colours"),
    "pipelineSnapshotId": _always("x"),
    "recordsFilter": _always(_RECORDS_FILTER),
    "runCreationTime": _always(1_700_000_000.0),
    "runId": _run_id,
    "runsFilter": _runs_filter,
    "selectorId": lambda _plane, victim, _run: victim.state.selector_id,
    "serializedAgentHeartbeats": lambda plane, _victim, _run: _heartbeats(plane),
    "serializedDaemonHeartbeat": _always(
        serialize_value(DaemonHeartbeat(1_700_000_000.0, "SENSOR", "x", []))
    ),
    "serializedErrors": _always([]),
    "serializedExecutionPlanSnapshot": _always("{}"),
    "serializedJobOrigin": lambda _plane, _victim, _run: serialize_value(job_origin("gpu_loc")),
    "serializedJobState": lambda _plane, victim, _run: serialize_value(
        victim.state.with_status(InstigatorStatus.STOPPED)
    ),
    "serializedJobTickData": lambda _plane, victim, _run: serialize_value(victim.tick),
    "serializedPartitionBackfill": lambda _plane, victim, _run: serialize_value(
        victim.backfill._replace(title="by an attacker")
    ),
    "serializedPipelineRun": lambda _plane, _victim, _run: serialize_value(
        run_of(str(uuid.uuid4()), "gpu_loc").with_tags({"mark": "by an attacker"})
    ),
    "serializedPipelineSnapshot": _always("{}"),
    "serializedTags": _always(serialize_value({})),
    "serializedTelemetry": lambda _plane, _victim, run: serialize_value(
        RunTelemetryData(run_id=run, datapoints={"a": 1.0})
    ),
    "start": _always(1.0),
    "stepKey": _always("step"),
    "tickId": lambda _plane, victim, _run: victim.tick_id,
    "version": _always("1"),
}

BY_OPERATION: Mapping[str, Mapping[str, Value]] = {
    "runs.addRunTags": {
        "jsonNewTags": lambda _plane, victim, run: json.dumps(
            # The same call begins a launch.
            {AGENT_ID_TAG: AGENT_ID} if run == victim.taken else {"mark": "by an attacker"}
        )
    },
    "runs.addBackfill": {
        "serializedPartitionBackfill": lambda _plane, _victim, _run: serialize_value(
            backfill_of("gpu_loc")
        )
    },
    "runs.getRunRecords": {"filters": _runs_filter},
    "eventLogs.getAssetStatusCacheValues": {"assetKeys": _always([{"path": ["gpu_asset"]}])},
    "eventLogs.getPaginatedDynamicPartitions": {
        "ascending": _always(value=True),
        "limit": _always(5),
    },
    "eventLogs.getRunStatusChangeEventRecords": {
        "recordsFilter": _always({"eventType": "RUN_FAILURE"})
    },
    "eventLogs.getUpdatedDataVersionPartitions": {
        "partitions": _always(["a"]),
        "afterStorageId": _always(0),
    },
    "schedules.addJobState": {
        "serializedJobState": lambda _plane, _victim, _run: serialize_value(
            sensor_state(uuid.uuid4().hex, "gpu_loc")
        )
    },
}


def _heartbeats(plane: AgentsPlane) -> list[dict[str, str]]:
    beat = AgentHeartbeat(
        timestamp=plane.store.clock(),
        agent_id=AGENT_ID,
        agent_label="by an attacker",
        agent_type="ProcessUserCodeLauncher",
        agent_queues_config=AgentQueuesConfig(additional_queues=["gpu", "cpu"]),
    )
    return [{"deploymentName": OURS, "serializedAgentHeartbeat": serialize_value(beat)}]


_ERROR = SerializableErrorInfo(message="by an attacker", stack=[], cls_name=None)


def _file(name: str, value: Any) -> Mapping[str, Any]:
    text = value if isinstance(value, str) else serialize_value(value)
    return {"files": {name: zlib.compress(text.encode())}}


def _answers(_plane: AgentsPlane, victim: Victim, _run: str) -> Iterator[Request]:
    sent = [
        DagsterCloudUploadApiResponse(
            request_id=request_id,
            request_api=api,
            response=DagsterCloudApiErrorResponse(error_infos=[_ERROR]),
        )
        for request_id, api in ((victim.question, "X"), (victim.launch, "LAUNCH_RUN"))
    ]
    path = "/upload_api_response"
    for each in sent:
        yield Request(method="PUT", path=path, more=_file("api_response.tmp", each))
    batch = BatchDagsterCloudUploadApiResponse(batch=sent)
    yield Request(method="PUT", path=path, more=_file("api_response_batch.tmp", batch))


def _entries(plane: AgentsPlane, _victim: Victim, _run: str) -> Iterator[Request]:
    row = plane.store.locations.get(OURS, "gpu_loc")
    assert row.live is not None
    for deploy_id in (None, row.deploy_id, row.live.deploy_id):
        entry = DagsterCloudUploadWorkspaceEntry(
            location_name="gpu_loc",
            code_location_deploy_data=_deployed(deploy_id),
            upload_location_data=None,
            serialized_error_info=_ERROR,
        )
        more = _file("workspace_entry.tmp", entry)
        yield Request(method="PUT", path="/upload_workspace_entry", more=more)


def _deployed(deploy_id: str | None) -> CodeLocationDeployData:
    variables = {} if deploy_id is None else {"DAGSTEAD_DEPLOY_ID": deploy_id}
    return CodeLocationDeployData(module_name="m", cloud_context_env=variables)


def _results(plane: AgentsPlane, _victim: Victim, _run: str) -> Iterator[Request]:
    sha1 = Snapshots(plane.store.blobs, OURS).write(SnapshotType.ERROR, serialize_value(_ERROR))
    result = DagsterCloudCodeLocationUpdateResult(
        location_name="gpu_loc",
        manifest=None,
        error_snapshot=StoredSnapshot(sha1=sha1, format="json", uri="", decompressed_size=1),
    )
    yield Request(
        method="PUT",
        path="/code_location_update_result",
        more={"content": json.dumps(pack_value(result))},
    )


def _events(_plane: AgentsPlane, _victim: Victim, run: str) -> Iterator[Request]:
    batch = StoreEventBatchRequest(event_log_entries=[entry_of(run)])
    yield Request(path="/store_events", more=_file("store_events.tmp", batch))


def _logs(_plane: AgentsPlane, _victim: Victim, run: str) -> Iterator[Request]:
    for params in (
        {"run_id": run, "key": "step", "io_type": "stdout"},
        {"log_key": [run, "compute_logs", "step"], "run_id": "x", "key": "y", "io_type": "stdout"},
    ):
        yield Request(method="GET", path="/gen_logs_url", more={"params": params})


def _once(request: Request) -> Callable[[AgentsPlane, Victim, str], Iterator[Request]]:
    def made(_plane: AgentsPlane, victim: Victim, run: str) -> Iterator[Request]:
        if run == victim.begun:
            yield request

    return made


def _artifact(path: str) -> Callable[[AgentsPlane, Victim, str], Iterator[Request]]:
    return _once(Request(path=path, more={"json": {"key": "manifest"}}))


def _blob(method: str) -> Callable[[AgentsPlane, Victim, str], Iterator[Request]]:
    made = Request(
        method=method,
        path=f"/blobs/artifact/{OURS}/manifest?method={method}&expires=9999999999&signature=00",
        more={} if method == "GET" else {"content": b"by an attacker"},
    )
    return _once(made)


_SNAPSHOT = {"type": SnapshotType.JOB, "sha1": "0" * 40, "formats": "gzipped_json"}


def _new_worker(_plane: AgentsPlane, _victim: Victim, run: str) -> Iterator[Request]:
    for run_id, launch in ((run, 1), (None, None)):
        new = {"agentId": AGENT_ID, "location": "gpu_loc", "runId": run_id, "launch": launch}
        yield Request(method="POST", path="/worker_tokens", more={"json": new})


ENDPOINTS: Mapping[str, Callable[[AgentsPlane, Victim, str], Iterator[Request]]] = {
    "GET /check_snapshot": _once(
        Request(method="GET", path="/check_snapshot", more={"params": _SNAPSHOT})
    ),
    "PUT /confirm_upload": _once(
        Request(method="PUT", path="/confirm_upload", more={"content": "{}"})
    ),
    "PUT /code_location_update_result": _results,
    "PUT /upload_workspace_entry": _entries,
    "PUT /upload_job_snapshot": _once(
        Request(method="PUT", path="/upload_job_snapshot", more=_file("job.tmp", "{}"))
    ),
    "PUT /upload_api_response": _answers,
    "POST /store_events": _events,
    "GET /gen_logs_url": _logs,
    "POST /gen_artifact_get": _artifact("/gen_artifact_get"),
    "POST /gen_artifact_post": _artifact("/gen_artifact_post"),
    "POST /{deployment}/gen_artifact_get": _artifact(f"/{OURS}/gen_artifact_get"),
    "POST /{deployment}/gen_artifact_post": _artifact(f"/{OURS}/gen_artifact_post"),
    "POST /worker_tokens": _new_worker,
    "PUT /worker_tokens": _once(
        Request(
            method="PUT",
            path="/worker_tokens",
            more={"json": {"agentIds": [AGENT_ID], "running": [], "ended": [1]}},
        )
    ),
    "PUT /server_log": _once(Request(method="PUT", path="/server_log", more={"json": FORGED_LOG})),
    "GET /blobs/{key:path}": _blob("GET"),
    "PUT /blobs/{key:path}": _blob("PUT"),
    "POST /blobs/{key:path}": _blob("POST"),
}
