"""Fails a run that its agent could not launch, with the agent's reason."""

from __future__ import annotations

from collections.abc import Sequence

from dagster import DagsterInstance
from dagster._core.events import EngineEventData
from dagster_shared.error import SerializableErrorInfo

from dagstead.control.requests import TAKEN_BY_ANOTHER


def fail_launch(
    instance: DagsterInstance,
    run_id: str,
    errors: Sequence[SerializableErrorInfo],
    *,
    taken: str | None,
) -> None:
    """Mark the run failed, unless it has gone on without this agent.

    Args:
        instance: of the run's deployment.
        run_id: the run.
        errors: what the agent reported.
        taken: the agent that has begun the run, if one has.
    """
    run = instance.get_run_by_id(run_id)
    if run is None or run.is_finished:
        return
    if taken and any(TAKEN_BY_ANOTHER in error.message for error in errors):
        return
    first = errors[0] if errors else None
    if first is not None:
        instance.report_engine_event(
            "The agent could not launch this run.",
            run,
            engine_event_data=EngineEventData.engine_error(first),
        )
    reason = first.message.strip() if first else "it gave no reason"
    instance.report_run_failed(run, f"The agent could not launch this run: {reason}")
