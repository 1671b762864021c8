"""A client with the interface of Dagster's gRPC client, which uses the request queue.

Open-source helpers (``dagster._api``) serialize calls and map errors in the answers; only the
transport is ours. Agents answer with the exact text that the code server returned.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from dagster._grpc.client import (
    DEFAULT_GRPC_TIMEOUT,
    DEFAULT_SCHEDULE_GRPC_TIMEOUT,
    DEFAULT_SENSOR_GRPC_TIMEOUT,
    DagsterGrpcClient,
)
from dagster._grpc.types import (
    ExecutionPlanSnapshotArgs,
    ExternalScheduleExecutionArgs,
    JobSubsetSnapshotArgs,
    NotebookPathArgs,
    PartitionArgs,
    PartitionNamesArgs,
    PartitionSetExecutionParamArgs,
    SensorExecutionArgs,
)
from dagster_cloud.api.dagster_cloud_api import DagsterCloudApi

from dagstead.engine.calls import AgentCalls
from dagstead.engine.plans import Plans
from dagstead.plane.deployments import Deployment

#: The official command line gives up after as long as Dagster's default, which is a minute, and
#: asks again: it would never see why there is no answer.
_ANSWER_SECONDS = float(DEFAULT_GRPC_TIMEOUT) - 10.0


@dataclass(frozen=True, slots=True)
class Target:
    """The code location that a client calls."""

    calls: AgentCalls
    deployment: Deployment
    location: str

    def ask(self, api: DagsterCloudApi, args: object, timeout: float | None = None) -> str:
        """See :meth:`AgentCalls.ask`. ``timeout`` is in seconds."""
        return self.calls.ask(
            self.deployment,
            self.location,
            api,
            args,
            timeout=timeout if timeout is not None else _ANSWER_SECONDS,
        )

    def require_usable(self, api: DagsterCloudApi, args: object) -> None:
        """See :meth:`AgentCalls.require_usable`."""
        self.calls.require_usable(
            self.deployment, self.location, api, args, timeout=_ANSWER_SECONDS
        )


class QueueClient(DagsterGrpcClient):
    """The methods that open-source Dagster calls on a code location's client, over the queue."""

    def __init__(self, target: Target) -> None:
        # Not the base class's: it opens a gRPC channel.
        self._target = target
        self._plans = Plans()

    def execution_plan_snapshot(
        self, execution_plan_snapshot_args: ExecutionPlanSnapshotArgs
    ) -> str:
        """See the base class."""
        api, args = DagsterCloudApi.GET_EXTERNAL_EXECUTION_PLAN, execution_plan_snapshot_args
        known = self._plans.known(args)
        if known is not None:
            self._target.require_usable(api, args)
            return known
        answer = self._target.ask(api, args)
        self._plans.keep(args, answer)
        return answer

    async def gen_execution_plan_snapshot(
        self,
        execution_plan_snapshot_args: ExecutionPlanSnapshotArgs,
        **_kwargs: object,
    ) -> str:
        """See the base class."""
        return await asyncio.to_thread(self.execution_plan_snapshot, execution_plan_snapshot_args)

    def external_partition_names(self, partition_names_args: PartitionNamesArgs) -> str:
        """See the base class."""
        return self._target.ask(DagsterCloudApi.GET_EXTERNAL_PARTITION_NAMES, partition_names_args)

    def external_partition_config(self, partition_args: PartitionArgs) -> str:
        """See the base class."""
        return self._target.ask(DagsterCloudApi.GET_EXTERNAL_PARTITION_CONFIG, partition_args)

    def external_partition_tags(self, partition_args: PartitionArgs) -> str:
        """See the base class."""
        return self._target.ask(DagsterCloudApi.GET_EXTERNAL_PARTITION_TAGS, partition_args)

    def external_partition_set_execution_params(
        self, partition_set_execution_param_args: PartitionSetExecutionParamArgs
    ) -> str:
        """See the base class."""
        return self._target.ask(
            DagsterCloudApi.GET_EXTERNAL_PARTITION_SET_EXECUTION_PARAM_DATA,
            partition_set_execution_param_args,
        )

    def external_pipeline_subset(self, pipeline_subset_snapshot_args: JobSubsetSnapshotArgs) -> str:
        """See the base class."""
        return self._target.ask(
            DagsterCloudApi.GET_SUBSET_EXTERNAL_PIPELINE_RESULT, pipeline_subset_snapshot_args
        )

    async def gen_external_pipeline_subset(
        self, pipeline_subset_snapshot_args: JobSubsetSnapshotArgs, **_kwargs: object
    ) -> str:
        """See the base class."""
        return await asyncio.to_thread(self.external_pipeline_subset, pipeline_subset_snapshot_args)

    def external_schedule_execution(
        self, external_schedule_execution_args: ExternalScheduleExecutionArgs
    ) -> str:
        """See the base class."""
        args = external_schedule_execution_args
        timeout = args.timeout if args.timeout is not None else DEFAULT_SCHEDULE_GRPC_TIMEOUT
        return self._target.ask(DagsterCloudApi.GET_EXTERNAL_SCHEDULE_EXECUTION_DATA, args, timeout)

    def external_sensor_execution(self, sensor_execution_args: SensorExecutionArgs) -> str:
        """See the base class."""
        args = sensor_execution_args.with_default_timeout(DEFAULT_SENSOR_GRPC_TIMEOUT)
        return self._target.ask(
            DagsterCloudApi.GET_EXTERNAL_SENSOR_EXECUTION_DATA, args, args.timeout
        )

    def notebook(self, args: NotebookPathArgs) -> bytes:
        """The notebook at a path in the code location's environment."""
        return self._target.ask(DagsterCloudApi.GET_EXTERNAL_NOTEBOOK_DATA, args).encode()
