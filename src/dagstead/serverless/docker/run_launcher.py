"""Isolated runs: each in a container of its own, of the image of its definitions."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dagster import DagsterInstance
from dagster._core.launcher.base import (
    CheckRunHealthResult,
    LaunchRunContext,
    RunLauncher,
    WorkerStatus,
)
from dagster._grpc.types import ExecuteRunArgs
from dagster_cloud.instance import DagsterCloudAgentInstance
from dagster_cloud.workspace.docker import CloudDockerRunLauncher
from dagster_cloud.workspace.user_code_launcher.utils import get_instance_ref_for_user_code

from dagstead.errors import RunWorkerError
from dagstead.model.launches import LAUNCH_NUMBER_TAG
from dagstead.serverless.agents_before import has_ended
from dagstead.serverless.docker import labels
from dagstead.serverless.docker.daemon import DOCKER_ERRORS, answers
from dagstead.serverless.docker.instance import for_containers
from dagstead.serverless.environ import TOKEN_VARIABLE

if TYPE_CHECKING:
    from dagster import DagsterRun
    from dagster_docker.container_context import DockerContainerContext

    from dagstead.serverless.docker.containers import PoolContainers
    from dagstead.serverless.docker.ends import RunEnds
    from dagstead.serverless.docker.images import PoolImages
    from dagstead.serverless.docker.surroundings import Surroundings
    from dagstead.serverless.home import PoolHome
    from dagstead.serverless.worker_tokens import WorkerTokens

#: Which agent has begun the run, as official agents write it.
AGENT_TAG = "dagster/agent_id"
_DEBUG_LINES = 30
logger = logging.getLogger("dagstead.serverless.runs")


@dataclass(frozen=True, kw_only=True)
class RunParts:
    """What run workers in containers need."""

    home: PoolHome
    containers: PoolContainers
    images: PoolImages
    surroundings: Surroundings
    tokens: WorkerTokens
    ends: RunEnds


class DockerPoolRunLauncher(RunLauncher[DagsterInstance]):
    """Starts, ends and watches the containers of runs.

    The agent makes a new one for every request. All that it needs to know is on the containers, so
    a run is looked after even when the agent was replaced.
    """

    def __init__(self, parts: RunParts) -> None:
        """Take the images, the surroundings and the containers of the pool."""
        super().__init__()  # type: ignore[no-untyped-call]
        self._parts = parts

    def launch_run(self, context: LaunchRunContext) -> None:
        """Start the container of a run; does nothing while the run's container is there and runs.

        Raises:
            RunWorkerError: it cannot be started, or was before.
            PexError: the run's image cannot be made, or its worker gets no token.
        """
        run, origin = context.dagster_run, context.job_code_origin
        if origin is None or not origin.repository_origin.container_image:
            msg = (
                f"Run {run.run_id} came without the image of its code. Deploy its code location "
                "again, and launch it again."
            )
            raise RunWorkerError(msg)
        image = origin.repository_origin.container_image
        launch = _launch_of(run)
        before = self._parts.containers.worker_of(run.run_id)
        if before is not None and before.launch >= launch:
            if not before.has_ended:
                return
            msg = f"Run {run.run_id} was started before, and its container has ended."
            raise RunWorkerError(msg)
        try:
            self._parts.images.for_run(run.run_id, image)
            reference = get_instance_ref_for_user_code(self._instance.get_ref())
            arguments = ExecuteRunArgs(
                job_origin=self._parts.images.origin_of(origin),
                run_id=run.run_id,
                instance_ref=for_containers(reference, self._parts.surroundings.choice.url),
            )
            official = _OneLaunch(self._start_of(run, launch))
            official.register_instance(self._instance)
            official.start(run, image, list(arguments.get_command_args()))
        except DOCKER_ERRORS as error:
            msg = f"Docker did not start the container of run {run.run_id}: {error}."
            if not answers():
                msg = (
                    f"Docker does not answer, so run {run.run_id} was not started: {error}. Look "
                    "at the daemon of the pool's machine, and launch the run again when it is back."
                )
            raise RunWorkerError(msg) from error

    def _start_of(self, run: DagsterRun, launch: int) -> DockerContainerContext:
        deployment, location = self._deployment_name(), _location_of(run)
        token = self._parts.tokens.for_run(deployment, location, run.run_id, launch)
        origin = run.job_code_origin
        start = self._parts.surroundings.around(
            deployment,
            location,
            origin.repository_origin.container_context if origin else None,
            {TOKEN_VARIABLE: token.secret},
            {labels.LAUNCH: str(launch), labels.TOKEN: str(token.id)},
        )
        return start.in_official_form(
            labels=dict(start.labels),
            # Docker refuses a second one of the same name: a launch is begun once.
            name=f"dagstead-run-{run.run_id}-{launch}",
        )

    def _deployment_name(self) -> str:
        instance = self._instance
        assert isinstance(instance, DagsterCloudAgentInstance)  # noqa: S101 - the agent makes no other
        return instance.deployment_name or ""

    def can_terminate(self, run_id: str) -> bool:
        """Whether this pool has a container for the run, and it runs."""
        worker = self._parts.containers.worker_of(run_id)
        return worker is not None and not worker.has_ended

    def terminate(self, run_id: str) -> bool:
        """Interrupt the run, so that user code can clean up; after a while its container is killed.

        ``False`` when there is nothing (any more) to end.
        """
        worker = self._parts.containers.worker_of(run_id)
        if worker is None or worker.has_ended:
            return False
        run = self._instance.get_run_by_id(run_id)
        if run is not None and not run.is_finished:
            self._instance.report_run_canceling(run)
        self._parts.ends.ask(worker)
        return True

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Yes: a container that dies is noticed."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """The state of a run's container.

        It is ``UNKNOWN`` for one that this pool has not started, and while Docker is away.
        """
        try:
            return self._health_of(run)
        except DOCKER_ERRORS as error:
            return CheckRunHealthResult(WorkerStatus.UNKNOWN, f"Docker does not answer: {error}")

    def _health_of(self, run: DagsterRun) -> CheckRunHealthResult:
        worker = self._parts.containers.worker_of(run.run_id)
        if worker is None:
            return self._health_without_worker(run)
        worker_id = f"{worker.id[:12]} of launch {worker.launch}"
        end = self._parts.containers.how_it_ended(worker.id) if worker.has_ended else None
        if not worker.has_ended:
            return CheckRunHealthResult(WorkerStatus.RUNNING, run_worker_id=worker_id)
        name = f"The run's container {worker.id[:12]}"
        return CheckRunHealthResult(
            WorkerStatus.SUCCESS if end and end.exit_code == 0 else WorkerStatus.FAILED,
            end.words(name) if end else f"{name} is gone: somebody has removed it.",
            transient=bool(end and end.is_killed),
            run_worker_id=worker_id,
        )

    def _health_without_worker(self, run: DagsterRun) -> CheckRunHealthResult:
        agent_id = run.tags.get(AGENT_TAG, "")
        if not has_ended(self._parts.home, agent_id):
            return CheckRunHealthResult(
                WorkerStatus.UNKNOWN, "This managed pool has no container for the run."
            )
        return CheckRunHealthResult(
            WorkerStatus.FAILED,
            f"Agent {agent_id} of the managed pool was killed while it launched the run.",
            transient=True,
            run_worker_id=f"none of launch {_launch_of(run)}",
        )

    def get_run_worker_debug_info(
        self,
        run: DagsterRun,
        include_container_logs: bool | None = True,  # noqa: FBT001, FBT002, ARG002 - upstream's
    ) -> str | None:
        """The last lines of what the container wrote outside of its steps."""
        worker = self._parts.containers.worker_of(run.run_id)
        if worker is None:
            return None
        output = self._parts.containers.last_output(worker.id, _DEBUG_LINES)
        return f"The last lines of the run's container:\n{output}" if output else None


class _OneLaunch(CloudDockerRunLauncher):
    """The official launcher for one run, with surroundings that the run cannot change."""

    def __init__(self, container: DockerContainerContext) -> None:
        super().__init__(env_vars=[])
        self._container = container

    def get_container_context(self, dagster_run: DagsterRun) -> DockerContainerContext:  # noqa: ARG002
        return self._container

    def start(self, run: DagsterRun, image: str, command: list[str]) -> None:
        self._launch_container_with_command(run, image, command)  # type: ignore[no-untyped-call]


def _location_of(run: DagsterRun) -> str:
    remote = run.remote_job_origin
    return remote.repository_origin.code_location_origin.location_name if remote else ""


def _launch_of(run: DagsterRun) -> int:
    return int(run.tags.get(LAUNCH_NUMBER_TAG, "1"))
