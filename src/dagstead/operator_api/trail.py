"""What the trail has of each mutation: one line for every one.

Most of ours call an act of ``control``, which is recorded there. Those of open-source Dagster have
no act behind them: here their fields are wrapped.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from enum import Enum
from inspect import isawaitable
from typing import Any, Final, TypeAlias, cast

from dagster_graphql.schema.errors import GraphenePythonError
from graphql import GraphQLResolveInfo, GraphQLSchema, default_field_resolver

from dagstead.control.recording import SurfaceAct
from dagstead.operator_api.context import context_of
from dagstead.plane.trail import Result

_Resolve: TypeAlias = Callable[..., Any]


class TrailPlace(Enum):
    """Where a mutation is recorded."""

    HERE = "It has no act of ours behind it."
    BY_ITS_ACT = "An act of `control` is behind it."
    NOWHERE = "It changes nothing that anybody decides."


_HERE = """
    addDynamicPartition cancelPartitionBackfill deleteAppManagedComponent deleteConcurrencyLimit
    deleteDynamicPartitions deletePipelineRun deleteRun freeConcurrencySlots
    freeConcurrencySlotsForRun launchMultipleRuns launchPartitionBackfill launchPipelineExecution
    launchPipelineReexecution launchRun launchRunReexecution reexecutePartitionBackfill
    refreshComponentState reloadRepositoryLocation reloadWorkspace reportAssetCheckEvaluations
    reportRunlessAssetEvents resetSchedule resetSensor resumePartitionBackfill
    setAppManagedComponent setAutoMaterializePaused setConcurrencyLimit setLatestDefsStateVersion
    setSensorCursor shutdownRepositoryLocation startSchedule startSensor stopRunningSchedule
    stopSensor terminatePipelineExecution terminateRun terminateRuns wipeAssets
"""
_BY_ITS_ACT = """
    addOrUpdateLocationFromDocument addTrustPolicy createAgentToken createDeployment
    createOrUpdateAlertPolicyFromDocument deleteAlertPolicy endAlertSilence
    reconcileAlertPoliciesFromDocument silenceAlerts syncAlerts testAlert
    createOrUpdateAgentPermissions createOrUpdateBranchDeployment createOrUpdateSecretForScopes
    createRelease createSignInLink createUserToken deleteDeployment deleteLocation
    deployLocations endRelease endSessions forgetAgent generateServerlessPexUrl issueToken
    pauseQueue pauseRuns pinRepository reconcileLocationsFromDocument removeAgentPermissions
    removeDeployment removeQueue removeSecret removeTrustPolicy resumeQueue resumeRuns
    revokeAgentToken revokeToken revokeUserToken rollBack rotateMasterKey rotateToken
    setDeploymentSettings setOrganizationSettings setQueue setSecret sweepStorage
"""
#: A dry run evaluates code for its answer, and nothing of it is stored.
_NOWHERE = "logTelemetry markCliEvent scheduleDryRun sensorDryRun setNuxSeen"

KEPT: Final[Mapping[str, TrailPlace]] = {
    name: kept
    for kept, names in (
        (TrailPlace.HERE, _HERE),
        (TrailPlace.BY_ITS_ACT, _BY_ITS_ACT),
        (TrailPlace.NOWHERE, _NOWHERE),
    )
    for name in names.split()
}

#: Arguments that say what is acted on, and what each is called. No other argument gets into the
#: trail: a run's configuration may have secrets in it.
_NAMING: Final[Mapping[str, str]] = {
    "repositoryLocationName": "location",
    "locationName": "location",
    "pipelineName": "job",
    "jobName": "job",
    "scheduleName": "schedule",
    "sensorName": "sensor",
    "scheduleOriginId": "schedule",
    "scheduleSelectorId": "schedule",
    "jobOriginId": "sensor",
    "jobSelectorId": "sensor",
    "id": "id",
    "runId": "run",
    "runIds": "runs",
    "parentRunId": "run",
    "backfillId": "backfill",
    "strategy": "strategy",
    "terminatePolicy": "policy",
    "stepKey": "step",
    "path": "asset",
    "checkName": "check",
    "eventType": "event",
    "partitionSetName": "partition set",
    "partitionsDefName": "partitions",
    "partitionKey": "partition",
    "partitionKeys": "partitions",
    "partitionNames": "partitions",
    "concurrencyKey": "pool",
    "limit": "limit",
    "paused": "paused",
    "componentId": "component",
    "defsStateKey": "state",
    "key": "key",
    "version": "version",
}
#: Lists of plain values that are long are cut.
_MOST_VALUES = 5
_MOST_DEPTH = 6
#: What open-source answers are called that did not do it.
_FAILED = ("Error", "Failure", "NotFound", "Invalid", "Conflict", "Unauthorized")
#: How a failure begins that is a refusal: one to end a run of a code location.
_REFUSAL = "You do not have permission"


def record(schema: GraphQLSchema) -> None:
    """Have each mutation recorded that is to be, in the place where its right was checked.

    Raises:
        LookupError: for a mutation of which nobody has said where it is recorded.
    """
    mutations = schema.mutation_type
    fields = {} if mutations is None else mutations.fields
    for name, field in fields.items():
        kept = KEPT.get(name)
        if kept is None:
            msg = f"Say in operator_api/trail.py where the mutation {name} is recorded."
            raise LookupError(msg)
        if kept is TrailPlace.HERE:
            field.resolve = _recorded(name, field.resolve or default_field_resolver)


def named(arguments: object) -> str | None:
    """What arguments name, in words."""
    words: dict[str, None] = {}
    for name, value in _names(arguments, 0):
        words.setdefault(f"{_NAMING[name]} {value}")
    return ", ".join(words) or None


def _recorded(name: str, resolve: _Resolve) -> _Resolve:
    def recorded(source: object, info: GraphQLResolveInfo, **arguments: object) -> object:
        context = context_of(info)
        doing = context.control.recorder.doing(
            context.actor, f"graphql.{name}", context.deployment.name, named(arguments)
        )
        with ExitStack() as stack:
            act = stack.enter_context(doing)
            result = resolve(source, info, **arguments)
            if isawaitable(result):
                return _when_ended(result, act, stack.pop_all())
            _judge(act, result)
            return result

    return recorded


async def _when_ended(result: Awaitable[object], act: SurfaceAct, stack: ExitStack) -> object:
    with stack:
        answer = await result
        _judge(act, answer)
        return answer


def _judge(act: SurfaceAct, answer: object) -> None:
    """Learn from an answer how it went: most errors of Dagster's are answers."""
    kind = _type_of(answer)
    if any(word in kind for word in _FAILED):
        reason = getattr(answer, "message", None)
        is_refusal = "Unauthorized" in _error_of(answer) or str(reason).startswith(_REFUSAL)
        result = Result.REFUSED if is_refusal else Result.FAILED
        act.failed(f"{kind}: {reason}" if reason else kind, result)
        return
    made = dict(_made(answer))
    if made:
        act.did(**made)


def _type_of(answer: object) -> str:
    meta = getattr(answer, "_meta", None)
    if isinstance(answer, Mapping):
        return str(answer.get("__typename", ""))
    return str(getattr(meta, "name", ""))


def _error_of(answer: object) -> str:
    """The error's own name, also of one that is sent as another because clients read that."""
    if isinstance(answer, GraphenePythonError):
        return str(answer.resolve_className(None))  # type: ignore[no-untyped-call]
    return _type_of(answer)


def _made(answer: object) -> Iterator[tuple[str, object]]:
    """What came into being: a run, a backfill."""
    run = getattr(answer, "run", None)
    if run is not None:
        yield "run", str(getattr(run, "runId", ""))
    backfill = getattr(answer, "backfill_id", None)
    if isinstance(backfill, str):
        yield "backfill", backfill
    several = getattr(answer, "launchMultipleRunsResult", None)
    if several is not None:
        runs = [str(run.runId) for each in several if (run := getattr(each, "run", None))]
        yield "runs", runs
        yield "failed", len(several) - len(runs)


def _names(given: object, depth: int) -> Iterator[tuple[str, str]]:
    if depth > _MOST_DEPTH:
        return
    if isinstance(given, Mapping):
        for name, value in given.items():
            text = _plain(value)
            if name in _NAMING and text is not None:
                yield name, text
            elif text is None:
                yield from _names(value, depth + 1)
    elif isinstance(given, Sequence) and not isinstance(given, str):
        for each in given[:_MOST_VALUES]:
            yield from _names(each, depth + 1)


def _plain(value: object) -> str | None:
    """A value, or a list of values, as text."""
    if isinstance(value, bool | int | str):
        return str(value)
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
        texts = cast("list[str]", value)
        more = f" and {len(texts) - _MOST_VALUES} more" if len(texts) > _MOST_VALUES else ""
        return "/".join(texts[:_MOST_VALUES]) + more
    return None
