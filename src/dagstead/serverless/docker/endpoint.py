"""How the agent asks a code server in a container: with an instance as it is in there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, TypeVar

from dagster._grpc.client import DagsterGrpcClient
from dagster_cloud.workspace.user_code_launcher.user_code_launcher import ServerEndpoint
from dagster_shared.record import replace

from dagstead.serverless.docker.instance import for_containers

if TYPE_CHECKING:
    from dagster._grpc.types import (
        ExecuteExternalJobArgs,
        ExecutionPlanSnapshotArgs,
        ExternalScheduleExecutionArgs,
        SensorExecutionArgs,
    )

Arguments = TypeVar(
    "Arguments",
    "ExecuteExternalJobArgs",
    "ExecutionPlanSnapshotArgs",
    "ExternalScheduleExecutionArgs",
    "SensorExecutionArgs",
)


class ContainerClient(DagsterGrpcClient):
    """Sends the instance of containers wherever the agent sends its own.

    The agent's has addresses and paths of this machine: runs inside the server, schedules and
    sensors would wait for a control plane that they cannot reach.
    """

    def __init__(self, *, host: str, port: int | None, url: str) -> None:
        super().__init__(host=host, port=port)
        self._url = url

    def start_run(self, execute_run_args: ExecuteExternalJobArgs) -> str:
        """Start a run inside the server."""
        return super().start_run(self._moved(execute_run_args))

    def execution_plan_snapshot(
        self, execution_plan_snapshot_args: ExecutionPlanSnapshotArgs
    ) -> str:
        """Ask for the steps of a run."""
        return super().execution_plan_snapshot(self._moved(execution_plan_snapshot_args))

    def external_schedule_execution(
        self, external_schedule_execution_args: ExternalScheduleExecutionArgs
    ) -> str:
        """Evaluate a schedule."""
        return super().external_schedule_execution(self._moved(external_schedule_execution_args))

    def external_sensor_execution(self, sensor_execution_args: SensorExecutionArgs) -> str:
        """Evaluate a sensor."""
        return super().external_sensor_execution(self._moved(sensor_execution_args))

    def _moved(self, arguments: Arguments) -> Arguments:
        reference = arguments.instance_ref
        if reference is None:
            return arguments
        return replace(arguments, instance_ref=for_containers(reference, self._url))


class ContainerEndpoint(ServerEndpoint):
    """Where a code server in a container is."""

    #: The control plane's address, as containers reach it.
    url: str

    def __new__(cls, *, host: str, port: int, url: str) -> Self:
        """Take the address of the server, and that of the control plane."""
        made: Any = super().__new__(cls, host, port, None)  # type: ignore[no-untyped-call]
        made.url = url
        return made  # type: ignore[no-any-return]

    def create_client(self) -> DagsterGrpcClient:
        """A client of the server."""
        return ContainerClient(host=self.host, port=self.port, url=self.url)
