"""Isolated runs: each in a process of its own, in the environment of its definitions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dagster import DagsterInstance
from dagster._core.launcher.base import (
    CheckRunHealthResult,
    LaunchRunContext,
    RunLauncher,
    WorkerStatus,
)
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import serialize_value
from dagster_cloud.instance import DagsterCloudAgentInstance
from dagster_cloud.workspace.user_code_launcher.utils import get_instance_ref_for_user_code

from dagstead.errors import RunWorkerError
from dagstead.model.launches import LAUNCH_NUMBER_TAG
from dagstead.serverless.agents_before import has_ended
from dagstead.serverless.instance import with_own_logs
from dagstead.serverless.run_records import WorkerProgram, WorkerStart
from dagstead.serverless.sandbox.limits import may_be_warm
from dagstead.serverless.warm.standby import RunOrder
from dagstead.serverless.warm.starts import WarmCode, WarmStarts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dagster import DagsterRun

    from dagstead.serverless.home import PoolHome
    from dagstead.serverless.run_records import RunRecords
    from dagstead.serverless.sandbox.limits import ProcessLimits
    from dagstead.serverless.sandbox.sandbox import Sandbox
    from dagstead.serverless.user_code import UserCode
    from dagstead.serverless.worker_tokens import WorkerToken, WorkerTokens

#: Which agent has begun the run, as official agents write it.
AGENT_TAG = "dagster/agent_id"
_DEBUG_LINES = 30


class PexRunLauncher(RunLauncher[DagsterInstance]):
    """Starts, ends and watches run workers.

    The agent makes a new one for every request. All that it needs to know is in the run's origin
    and in the pool's folder, so a worker is looked after even when the agent was replaced.
    """

    def __init__(  # noqa: PLR0913 - all of it is passed in
        self,
        *,
        user_code: UserCode,
        records: RunRecords,
        home: PoolHome,
        environment: Mapping[str, str],
        tokens: WorkerTokens,
        warm: WarmStarts,
        sandbox: Sandbox,
        limits: ProcessLimits,
    ) -> None:
        """Take the runtimes, the records, the walls, and what workers start with."""
        super().__init__()  # type: ignore[no-untyped-call]
        self._user_code = user_code
        self._records = records
        self._home = home
        self._environment = environment
        self._sandbox = sandbox
        self._limits = limits
        self._tokens = tokens
        self._warm = warm

    def launch_run(self, context: LaunchRunContext) -> None:
        """Start the worker of a run; does nothing while the run's worker is alive.

        Raises:
            RunWorkerError: The worker cannot be started, or was before.
            PexError: The run's environment cannot be made, or its worker gets no token.
        """
        run = context.dagster_run
        origin = context.job_code_origin
        if origin is None:
            msg = (
                f"Run {run.run_id} came without the origin of its code. Deploy its code location "
                "again, and launch it again."
            )
            raise RunWorkerError(msg)
        code = origin.repository_origin
        runtime = self._user_code.for_run(run.run_id, code)
        deployment = self._deployment_name()
        owner = runtime.owner(deployment, _location_of(run))
        reference = with_own_logs(
            get_instance_ref_for_user_code(self._instance.get_ref()),
            self._sandbox.folder_of(owner),
        )
        arguments = ExecuteRunArgs(job_origin=origin, run_id=run.run_id, instance_ref=reference)
        base = runtime.variables(self._environment)
        executes = ["api", "execute_run", serialize_value(arguments)]
        variables = {**base, **_run_variables(run, base)}
        limits = self._limits.chosen_by(code.container_context)
        is_warm = may_be_warm(code.container_context)
        ahead = WarmCode(
            runtime=runtime,
            owner=owner,
            deployment=deployment,
            origin=code,
            instance=reference,
            limits=limits,
            variables=variables,
        )

        def program() -> WorkerProgram:
            token = self._token(run)
            cold = runtime.program(
                [str(runtime.python), "-m", "dagster", *executes],
                token.given_to(variables),
                deployment=deployment,
                limits=limits,
            )
            order = RunOrder(run_id=run.run_id, arguments=executes, environment=token.given_to({}))
            return WorkerProgram(cold, token.id, order)

        worker = self._records.start(
            run.run_id,
            WorkerStart(
                deployment=deployment,
                environment=runtime.environment,
                owner=owner,
                program=program,
                standby=lambda: self._warm.standby_for(ahead) if is_warm else None,
                launch=_launch_of(run),
            ),
            self._sandbox,
        )
        if is_warm:
            self._warm.follow(ahead)
        how = ", which had imported its code before" if worker.is_warm else ""
        self._instance.report_engine_event(
            f"Started the run worker: process {worker.process.pid} of the managed pool{how}."
            f"{self._warm.remark(ahead)}",
            run,
            cls=type(self),
        )

    def _token(self, run: DagsterRun) -> WorkerToken:
        origin = run.remote_job_origin
        if origin is None:
            msg = f"Run {run.run_id} came without its code location. Launch it again."
            raise RunWorkerError(msg)
        return self._tokens.for_run(
            self._deployment_name(), origin.location_name, run.run_id, _launch_of(run)
        )

    def _deployment_name(self) -> str:
        instance = self._instance
        assert isinstance(instance, DagsterCloudAgentInstance)  # noqa: S101 - the agent makes no other
        return instance.deployment_name or ""

    def can_terminate(self, run_id: str) -> bool:
        """Whether this pool has a worker for the run, and it runs."""
        worker = self._records.find(run_id)
        return worker is not None and worker.is_alive

    def terminate(self, run_id: str) -> bool:
        """Interrupt the run's worker, so that user code can clean up.

        The pool's launcher kills it when it still runs after a while. ``False`` when there is
        nothing (any more) to end.
        """
        worker = self._records.find(run_id)
        if worker is None or not worker.is_alive:
            return False
        run = self._instance.get_run_by_id(run_id)
        if run is not None and not run.is_finished:
            self._instance.report_run_canceling(run)
        # A run that has ended otherwise, by a limit or by force, may not work on either.
        self._records.cancel(worker)
        return True

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Yes: a worker that dies is noticed."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """The state of the run's worker; ``UNKNOWN`` for a run that this pool has not started."""
        worker = self._records.find(run.run_id)
        if worker is None:
            return self._health_without_worker(run)
        worker_id = f"{worker.process.pid} of launch {worker.launch}"
        if worker.is_alive:
            return CheckRunHealthResult(WorkerStatus.RUNNING, run_worker_id=worker_id)
        # When no agent was there to see the end, nobody has: before the run is tried again.
        worker.process.kill_left_over()
        status = WorkerStatus.SUCCESS if worker.exit_code == 0 else WorkerStatus.FAILED
        return CheckRunHealthResult(
            status,
            worker.how_it_ended(),
            # Killed from outside: another try may go well. This is also what proves that it ended.
            transient=worker.exit_code is not None and worker.exit_code < 0,
            run_worker_id=worker_id,
        )

    def _health_without_worker(self, run: DagsterRun) -> CheckRunHealthResult:
        agent_id = run.tags.get(AGENT_TAG, "")
        if not has_ended(self._home, agent_id) or self._records.may_be_at_work(run.run_id):
            return CheckRunHealthResult(
                WorkerStatus.UNKNOWN, "This managed pool has not started the run."
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
        """The last lines of what the worker wrote outside of its steps."""
        output = self._records.last_output(run.run_id, lines=_DEBUG_LINES)
        return f"The last lines of the run worker:\n{output}" if output else None


def _location_of(run: DagsterRun) -> str:
    remote = run.remote_job_origin
    return remote.repository_origin.code_location_origin.location_name if remote else ""


def _launch_of(run: DagsterRun) -> int:
    return int(run.tags.get(LAUNCH_NUMBER_TAG, "1"))


def _run_variables(run: DagsterRun, base: Mapping[str, str]) -> dict[str, str]:
    """The variables of a run's container context, as ``NAME=value``, or ``NAME`` to hand on.

    Raises:
        RunWorkerError: A name that is to be handed on is not one that user code may see.
    """
    origin = run.job_code_origin
    context = (origin.repository_origin.container_context if origin else None) or {}
    variables = {}
    for entry in context.get("env_vars", ()):
        name, has_value, value = entry.partition("=")
        if not has_value and name not in base:
            msg = (
                f"Run {run.run_id} asks for the pool's environment variable {name!r}, which user "
                "code may not see. Set it as NAME=value in the code location, or allow it with the "
                "pool's setting `pass_environment`."
            )
            raise RunWorkerError(msg)
        variables[name] = value if has_value else base[name]
    return variables
