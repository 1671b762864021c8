"""What the pool says of ends and failures: in the log of a run, and of a location."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dagster._core.errors import DagsterUserCodeProcessError
from dagster._core.instance import DagsterInstance
from dagster_shared.error import SerializableErrorInfo

from dagstead.serverless.shutdown import STOPPED, EndingRun
from dagstead.serverless.user_code import explain

if TYPE_CHECKING:
    from dagster_cloud.instance import DagsterCloudAgentInstance

    from dagstead.errors import DagsteadError


def report_stop(agent: DagsterCloudAgentInstance, worker: EndingRun) -> None:
    """Write into a run's log that it ends with the pool."""
    reference = agent.ref_for_deployment(worker.deployment)
    with DagsterInstance.from_ref(reference) as instance:
        run = instance.get_run_by_id(worker.run_id)
        if run is not None and not run.is_finished:
            instance.report_engine_event(STOPPED, run, cls=type(agent))


def report_canceled(agent: DagsterCloudAgentInstance, worker: EndingRun) -> None:
    """Report a run as canceled whose worker had to be killed."""
    reference = agent.ref_for_deployment(worker.deployment)
    with DagsterInstance.from_ref(reference) as instance:
        run = instance.get_run_by_id(worker.run_id)
        if run is not None and not run.is_finished:
            instance.report_run_canceled(
                run, "The run worker did not end when asked to, and was killed."
            )


def load_error(deployment: str, location: str, error: DagsteadError) -> DagsterUserCodeProcessError:
    """Why a location cannot be loaded, in the form that reaches the user."""
    # This class alone is passed on as it is, without a traceback of ours around it.
    information = error_information(deployment, location, error)
    return DagsterUserCodeProcessError(  # type: ignore[no-untyped-call]
        information.message, user_code_process_error_infos=[information]
    )


def error_information(
    deployment: str, location: str, error: DagsteadError
) -> SerializableErrorInfo:
    """What is wrong with a location, as the agent keeps it."""
    return SerializableErrorInfo(
        message=f"{explain(deployment, location, error)}\n",
        stack=[],
        cls_name=type(error).__name__,
    )
