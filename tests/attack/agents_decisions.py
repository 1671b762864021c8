"""Every operation of the agents' surface, and what it names. A new one has no line here."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from dagstead.control.trail_table import Quiet


class Names(Enum):
    """What an operation names, which decides what an agent of another queue gets."""

    #: Nothing but the deployment: it is answered, and changes nothing.
    DATA = "data"
    #: What user code of any queue has to change.
    SHARED = "shared"
    #: Something of one queue: it is refused.
    REFUSED = "refused"
    #: Something of one queue: it is answered as if there were nothing to do.
    DROPPED = "dropped"
    #: Things of all sorts: it is cut to the caller's.
    CUT = "cut"
    #: What no agent may do; it may be for managed pools.
    NOT_OFFERED = "not offered"
    #: A service that this server does not have: it says so to everybody.
    NOT_HERE = "not here"


#: What even the agent that makes it may not, as it concerns all queues.
OF_ALL_QUEUES = frozenset({"runs.addDaemonHeartbeat"})

_D, _S, _R = Names.DATA, Names.SHARED, Names.REFUSED

DECIDED: Mapping[str, Names] = {
    "runs.addRun": _R,
    "runs.addHistoricalRun": _R,
    "runs.getRuns": _D,
    "runs.getRunIds": _D,
    "runs.getRunsCount": _D,
    "runs.getRunById": _D,
    "runs.hasRun": _D,
    "runs.getRunGroupOrError": _D,
    "runs.getRunRecords": _D,
    "runs.getRunTags": _D,
    "runs.getRunTagKeys": _D,
    "runs.addRunTags": _R,
    "runs.getRunPartitionData": _D,
    "runs.mutateJobOrigin": _R,
    "runs.hasPipelineSnapshot": _D,
    "runs.getPipelineSnapshot": _D,
    "runs.addPipelineSnapshot": _S,
    "runs.hasExecutionPlanSnapshot": _D,
    "runs.getExecutionPlanSnapshot": _D,
    "runs.addExecutionPlanSnapshot": _S,
    "runs.getBackfills": _D,
    "runs.getBackfill": _D,
    "runs.addBackfill": _R,
    "runs.updateBackfill": _R,
    "runs.addDaemonHeartbeat": _R,
    "runs.getDaemonHeartbeats": _D,
    "runs.addRunTelemetry": _R,
    "eventLogs.StoreEvent": _R,
    "eventLogs.StoreEventBatch": _R,
    "eventLogs.DeleteEvents": _R,
    "eventLogs.getMaximumRecordId": _D,
    "eventLogs.getRecordsForRun": _D,
    "eventLogs.getEventRecords": _D,
    "eventLogs.getRunStatusChangeEventRecords": _D,
    "eventLogs.getAssetPartitionsForRun": _D,
    "eventLogs.getStatsForRun": _D,
    "eventLogs.getStepStatsForRun": _D,
    "eventLogs.isPersistent": _D,
    "eventLogs.isAssetAware": _D,
    "eventLogs.Upgrade": _D,
    "eventLogs.Reindex": _D,
    "eventLogs.EnableSecondaryIndex": _D,
    "eventLogs.Wipe": Names.NOT_OFFERED,
    "eventLogs.hasAssetKey": _D,
    "eventLogs.getAllAssetKeys": _D,
    "eventLogs.getAssetRecords": _D,
    "eventLogs.getLatestMaterializationEvents": _D,
    "eventLogs.getAssetEventTags": _D,
    "eventLogs.getLatestPlannedMaterializationInfo": _D,
    "eventLogs.getAssetStatusCacheValues": _D,
    "eventLogs.UpdateAssetCachedStatusData": Names.DROPPED,
    "eventLogs.WipeAssetCachedStatusData": Names.DROPPED,
    "eventLogs.WipeAsset": _R,
    "eventLogs.WipeAssetPartitions": Names.NOT_OFFERED,
    "eventLogs.fetchMaterializations": _D,
    "eventLogs.fetchFailedMaterializations": _D,
    "eventLogs.fetchObservations": _D,
    "eventLogs.fetchPlannedMaterializations": _D,
    "eventLogs.getAssetCheckSummaryRecord": _D,
    "eventLogs.getLatestAssetCheckExecutionByKey": _D,
    "eventLogs.getMaterializedPartitions": _D,
    "eventLogs.getMaterializationCountByPartition": _D,
    "eventLogs.getLatestStorageIdByPartition": _D,
    "eventLogs.getLatestTagsByPartition": _D,
    "eventLogs.getLatestAssetPartitionMaterializationAttemptsWithoutMaterializations": _D,
    "eventLogs.getUpdatedDataVersionPartitions": _D,
    "eventLogs.getDynamicPartitions": _D,
    "eventLogs.getPaginatedDynamicPartitions": _D,
    "eventLogs.hasDynamicPartition": _D,
    "eventLogs.AddDynamicPartitions": _S,
    "eventLogs.DeleteDynamicPartition": _S,
    "eventLogs.getPoolConfig": _D,
    "eventLogs.getPoolLimits": _D,
    "eventLogs.getConcurrencyKeys": _D,
    "eventLogs.getConcurrencyInfo": _D,
    "eventLogs.SetConcurrencySlots": _S,
    "eventLogs.InitializeConcurrencyLimit": _S,
    "eventLogs.DeleteConcurrencyLimit": _S,
    "eventLogs.ClaimConcurrencySlot": _R,
    "eventLogs.getCheckConcurrencyClaim": _D,
    "eventLogs.FreeConcurrencySlotsForRun": _R,
    "eventLogs.FreeConcurrencySlotForStep": _R,
    "schedules.jobStates": _D,
    "schedules.jobState": _D,
    "schedules.addJobState": _R,
    "schedules.updateJobState": _R,
    "schedules.jobTicks": _D,
    "schedules.createJobTick": _R,
    "schedules.updateJobTick": _R,
    "latestDefsStateInfo": _D,
    "defsState.setLatestDefsStateVersion": _R,
    "anomalyDetectionInference": Names.NOT_HERE,
    "createOrUpdateMetrics": Names.NOT_HERE,
    "submitCostInformationForMetrics": Names.NOT_HERE,
    "deployments": Names.CUT,
    "deploymentInfo": Names.CUT,
    "workspace": Names.CUT,
    "scopedSecrets": _R,
    "agents": Names.CUT,
    "userCloudAgent.popUserCloudAgentRequests": Names.CUT,
    "userCloudAgent.addAgentHeartbeats": Names.CUT,
    "GET /check_snapshot": _D,
    "PUT /confirm_upload": _S,
    "PUT /code_location_update_result": _R,
    "PUT /upload_workspace_entry": _R,
    "PUT /upload_job_snapshot": _S,
    "PUT /upload_api_response": Names.DROPPED,
    "POST /store_events": _R,
    "GET /gen_logs_url": _R,
    "POST /gen_artifact_get": Names.CUT,
    "POST /gen_artifact_post": Names.CUT,
    "POST /{deployment}/gen_artifact_get": _D,
    "POST /{deployment}/gen_artifact_post": _S,
    "POST /worker_tokens": Names.NOT_OFFERED,
    "PUT /worker_tokens": Names.CUT,
    "PUT /server_log": Names.NOT_OFFERED,
    "GET /blobs/{key:path}": Names.NOT_OFFERED,
    "PUT /blobs/{key:path}": Names.NOT_OFFERED,
    "POST /blobs/{key:path}": Names.NOT_OFFERED,
}

_V, _W = Quiet.VIEW, Quiet.WORK

#: Why the trail has nothing of what agents do, besides reading their deployment's data and what is
#: not here. All else is in ``ADMINISTERS`` of ``agent_api/graphql/trail.py``.
QUIET: Mapping[str, Quiet] = {
    "runs.addRun": _W,
    "runs.addHistoricalRun": _W,
    "runs.addRunTags": _W,
    "runs.addPipelineSnapshot": _W,
    "runs.addExecutionPlanSnapshot": _W,
    "runs.addBackfill": _W,
    "runs.updateBackfill": _W,
    "runs.addDaemonHeartbeat": _W,
    "runs.addRunTelemetry": _W,
    "eventLogs.StoreEvent": _W,
    "eventLogs.StoreEventBatch": _W,
    "eventLogs.UpdateAssetCachedStatusData": _W,
    "eventLogs.WipeAssetCachedStatusData": _W,
    "eventLogs.AddDynamicPartitions": _W,
    # It makes a pool with the default limit, before the first step in it begins.
    "eventLogs.InitializeConcurrencyLimit": _W,
    "eventLogs.ClaimConcurrencySlot": _W,
    "eventLogs.FreeConcurrencySlotsForRun": _W,
    "eventLogs.FreeConcurrencySlotForStep": _W,
    "schedules.createJobTick": _W,
    "schedules.updateJobTick": _W,
    "deployments": _V,
    "deploymentInfo": _V,
    "workspace": _V,
    "scopedSecrets": _W,
    "agents": _V,
    "userCloudAgent.popUserCloudAgentRequests": _W,
    "userCloudAgent.addAgentHeartbeats": _W,
    "PUT /confirm_upload": Quiet.REPORT,
    "PUT /code_location_update_result": Quiet.REPORT,
    "PUT /upload_workspace_entry": Quiet.REPORT,
    "PUT /upload_job_snapshot": Quiet.REPORT,
    "PUT /upload_api_response": _W,
    "POST /store_events": _W,
    "GET /gen_logs_url": _W,
    "POST /gen_artifact_get": _W,
    "POST /gen_artifact_post": _W,
    "POST /{deployment}/gen_artifact_post": _W,
    "POST /worker_tokens": _W,
    "PUT /worker_tokens": _W,
    "PUT /server_log": Quiet.REPORT,
    "GET /blobs/{key:path}": _W,
    "PUT /blobs/{key:path}": _W,
    "POST /blobs/{key:path}": _W,
}
