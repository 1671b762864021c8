"""What user code in a managed pool may ask for on this surface: one line for every operation.

It reads its deployment. It writes to its own run, to runs that it has made, and to what Dagster
keeps for a whole deployment and lets user code change. All else is for the pool's agent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from dagster._core.execution.backfill import PartitionBackfill
from dagster._core.execution.telemetry import RunTelemetryData
from dagster._core.scheduler.instigation import InstigatorState
from dagster._core.storage.dagster_run import DagsterRun, DagsterRunStatus

from dagstead.agent_api.graphql.context import AgentContext
from dagstead.agent_api.serialization import unpack
from dagstead.errors import ForbiddenError

Arguments: TypeAlias = Mapping[str, Any]
Check: TypeAlias = Callable[[AgentContext, Arguments], None]

#: The daemons take up what is in these states.
_TO_BE_LAUNCHED = frozenset({DagsterRunStatus.QUEUED, DagsterRunStatus.STARTING})


@dataclass(frozen=True, slots=True)
class WorkerRight:
    """What an operation is to user code."""

    #: As the end of "it …".
    what: str
    #: Raises ``ForbiddenError`` for what is not the caller's.
    check: Check


def _allow(_context: AgentContext, _given: Arguments) -> None:
    """Whatever it names is in the caller's own deployment."""


def _refuse(context: AgentContext, _given: Arguments) -> None:
    context.caller.actor.refuse_code("This")
    raise ForbiddenError("This is not for code in the managed pool.")


def _own_run(context: AgentContext, given: Arguments) -> None:
    context.require_run(given["run_id"])


def _own_telemetry(context: AgentContext, given: Arguments) -> None:
    context.require_run(unpack(given["serialized_telemetry"], RunTelemetryData).run_id)


def _new_run(context: AgentContext, given: Arguments) -> None:
    run = unpack(given["serialized_pipeline_run"], DagsterRun)
    if run.status in _TO_BE_LAUNCHED:
        raise ForbiddenError(
            "Code in the managed pool makes runs that it executes itself, and none to be launched: "
            "the run would be of other code. Launch it over GraphQL with a user token."
        )
    if run.remote_job_origin is not None:
        context.require_location(run.remote_job_origin.location_name)
    # An id that is taken gives nobody a right; the storage refuses the run itself.
    if not context.instance.has_run(run.run_id):
        context.note_making(run.run_id)


def _new_backfill(context: AgentContext, given: Arguments) -> None:
    backfill = unpack(given["serialized_partition_backfill"], PartitionBackfill)
    context.require_location(_location_of(backfill))
    if context.instance.get_backfill(backfill.backfill_id) is None:
        context.note_making(backfill.backfill_id)


def _own_backfill(context: AgentContext, given: Arguments) -> None:
    backfill = unpack(given["serialized_partition_backfill"], PartitionBackfill)
    context.require_location(_location_of(backfill))
    context.require_made(backfill.backfill_id)


def _location_of(backfill: PartitionBackfill) -> str | None:
    """Where a backfill starts runs; ``None`` for one of assets: wherever these are."""
    origin = None if backfill.is_asset_backfill else backfill.partition_set_origin
    return None if origin is None else origin.repository_origin.code_location_origin.location_name


def _own_instigator(context: AgentContext, given: Arguments) -> None:
    state = unpack(given["serialized_job_state"], InstigatorState)
    context.require_location(state.origin.repository_origin.code_location_origin.location_name)


def _own_secrets(context: AgentContext, given: Arguments) -> None:
    if given.get("location_name") is not None:
        context.require_location(given["location_name"])


READS: Final = WorkerRight("reads its deployment", _allow)
EVENTS: Final = WorkerRight("is checked where the events are written, each by its run", _allow)
RUN: Final = WorkerRight("is for its own run, and for runs that it has made", _own_run)
SHARED: Final = WorkerRight("changes what all code of its deployment may change", _allow)
AGENTS: Final = WorkerRight("is for agents", _refuse)

#: By the names of the fields, from the root.
WORKER_RIGHTS: Final[Mapping[str, WorkerRight]] = {
    # Its secrets.
    "scopedSecrets": WorkerRight("is for its own location", _own_secrets),
    # Runs.
    "runs.addRun": WorkerRight("makes a run of its own location", _new_run),
    "runs.addHistoricalRun": WorkerRight("makes a run of its own location", _new_run),
    "runs.addRunTags": RUN,
    "runs.addRunTelemetry": WorkerRight("is for its own run", _own_telemetry),
    "runs.addPipelineSnapshot": SHARED,
    "runs.addExecutionPlanSnapshot": SHARED,
    "runs.addBackfill": WorkerRight("makes a backfill of its own location", _new_backfill),
    "runs.updateBackfill": WorkerRight("is for backfills that it has made", _own_backfill),
    "runs.addDaemonHeartbeat": AGENTS,
    "runs.mutateJobOrigin": AGENTS,
    "runs.getRuns": READS,
    "runs.getRunIds": READS,
    "runs.getRunsCount": READS,
    "runs.getRunById": READS,
    "runs.hasRun": READS,
    "runs.getRunGroupOrError": READS,
    "runs.getRunRecords": READS,
    "runs.getRunTags": READS,
    "runs.getRunTagKeys": READS,
    "runs.getRunPartitionData": READS,
    "runs.hasPipelineSnapshot": READS,
    "runs.getPipelineSnapshot": READS,
    "runs.hasExecutionPlanSnapshot": READS,
    "runs.getExecutionPlanSnapshot": READS,
    "runs.getBackfills": READS,
    "runs.getBackfill": READS,
    "runs.getDaemonHeartbeats": READS,
    # Events.
    "eventLogs.StoreEvent": EVENTS,
    "eventLogs.StoreEventBatch": EVENTS,
    "eventLogs.DeleteEvents": RUN,
    "eventLogs.Wipe": AGENTS,
    "eventLogs.Upgrade": READS,
    "eventLogs.Reindex": READS,
    "eventLogs.EnableSecondaryIndex": READS,
    "eventLogs.isPersistent": READS,
    "eventLogs.isAssetAware": READS,
    "eventLogs.getMaximumRecordId": READS,
    "eventLogs.getRecordsForRun": READS,
    "eventLogs.getEventRecords": READS,
    "eventLogs.getRunStatusChangeEventRecords": READS,
    "eventLogs.getAssetPartitionsForRun": READS,
    "eventLogs.getStatsForRun": READS,
    "eventLogs.getStepStatsForRun": READS,
    # Assets and their checks. Dagster lets user code wipe them: `DagsterInstance.wipe_assets`.
    "eventLogs.UpdateAssetCachedStatusData": SHARED,
    "eventLogs.WipeAssetCachedStatusData": SHARED,
    "eventLogs.WipeAsset": SHARED,
    "eventLogs.WipeAssetPartitions": SHARED,
    "eventLogs.hasAssetKey": READS,
    "eventLogs.getAllAssetKeys": READS,
    "eventLogs.getAssetRecords": READS,
    "eventLogs.getLatestMaterializationEvents": READS,
    "eventLogs.getAssetEventTags": READS,
    "eventLogs.getLatestPlannedMaterializationInfo": READS,
    "eventLogs.getAssetStatusCacheValues": READS,
    "eventLogs.fetchMaterializations": READS,
    "eventLogs.fetchFailedMaterializations": READS,
    "eventLogs.fetchObservations": READS,
    "eventLogs.fetchPlannedMaterializations": READS,
    "eventLogs.getAssetCheckSummaryRecord": READS,
    "eventLogs.getLatestAssetCheckExecutionByKey": READS,
    # Partitions.
    "eventLogs.AddDynamicPartitions": SHARED,
    "eventLogs.DeleteDynamicPartition": SHARED,
    "eventLogs.getMaterializedPartitions": READS,
    "eventLogs.getMaterializationCountByPartition": READS,
    "eventLogs.getLatestStorageIdByPartition": READS,
    "eventLogs.getLatestTagsByPartition": READS,
    "eventLogs.getLatestAssetPartitionMaterializationAttemptsWithoutMaterializations": READS,
    "eventLogs.getUpdatedDataVersionPartitions": READS,
    "eventLogs.getDynamicPartitions": READS,
    "eventLogs.getPaginatedDynamicPartitions": READS,
    "eventLogs.hasDynamicPartition": READS,
    # Pools: the limits of all, the slots of its own run.
    "eventLogs.SetConcurrencySlots": SHARED,
    "eventLogs.InitializeConcurrencyLimit": SHARED,
    "eventLogs.DeleteConcurrencyLimit": SHARED,
    "eventLogs.ClaimConcurrencySlot": RUN,
    "eventLogs.FreeConcurrencySlotsForRun": RUN,
    "eventLogs.FreeConcurrencySlotForStep": RUN,
    "eventLogs.getPoolConfig": READS,
    "eventLogs.getPoolLimits": READS,
    "eventLogs.getConcurrencyKeys": READS,
    "eventLogs.getConcurrencyInfo": READS,
    "eventLogs.getCheckConcurrencyClaim": READS,
    # Schedules and sensors. Their ticks are the daemons'.
    "schedules.addJobState": WorkerRight(
        "is for schedules and sensors of its location", _own_instigator
    ),
    "schedules.updateJobState": WorkerRight(
        "is for schedules and sensors of its location", _own_instigator
    ),
    "schedules.createJobTick": AGENTS,
    "schedules.updateJobTick": AGENTS,
    "schedules.jobStates": READS,
    "schedules.jobState": READS,
    "schedules.jobTicks": READS,
    # The state of components: other locations load what is written there.
    "latestDefsStateInfo": READS,
    "defsState.setLatestDefsStateVersion": AGENTS,
    # What is answered with a refusal to everybody.
    "anomalyDetectionInference": READS,
    "createOrUpdateMetrics": READS,
    "submitCostInformationForMetrics": READS,
    # The work of agents. The documents of locations have environment variables of others.
    "agents": AGENTS,
    "deployments": AGENTS,
    "deploymentInfo": AGENTS,
    "workspace": AGENTS,
    "userCloudAgent.popUserCloudAgentRequests": AGENTS,
    "userCloudAgent.addAgentHeartbeats": AGENTS,
}


def permit(context: AgentContext, operation: str, given: Arguments) -> None:
    """Refuse user code in a managed pool what is not its own; all others pass.

    Raises:
        ForbiddenError: with a sentence for the caller.
    """
    if context.caller.token.worker is not None:
        WORKER_RIGHTS[operation].check(context, given)
