"""Plans of jobs are kept: each question is asked once, and refusals are not kept."""

from __future__ import annotations

import pytest
from dagster import job, op
from dagster._core.execution.api import create_execution_plan
from dagster._core.execution.plan.state import KnownExecutionState
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.snap.execution_plan_snapshot import (
    ExecutionPlanSnapshotErrorData,
    snapshot_from_execution_plan,
)
from dagster._grpc.types import ExecutionPlanSnapshotArgs
from dagster._serdes import serialize_value
from dagster_shared.error import SerializableErrorInfo

from dagstead.engine import plans
from dagstead.engine.plans import Plans


@op
def work() -> int:
    return 1


@job
def working() -> None:
    work()


SNAPSHOT = snapshot_from_execution_plan(create_execution_plan(working), "a-job")
PLAN = serialize_value(SNAPSHOT)
REFUSAL = serialize_value(
    ExecutionPlanSnapshotErrorData(error=SerializableErrorInfo("no such variable", [], None))
)


def question(
    snapshot: str = "a-job", known: KnownExecutionState | None = None
) -> ExecutionPlanSnapshotArgs:
    origin = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("weather"), "__repository__")
    return ExecutionPlanSnapshotArgs(
        job_origin=RemoteJobOrigin(origin, "working"),
        op_selection=[],
        run_config={},
        step_keys_to_execute=None,
        job_snapshot_id=snapshot,
        known_state=known,
    )


def test_what_was_answered_is_known() -> None:
    kept = Plans()
    assert kept.known(question()) is None
    kept.keep(question(), PLAN)
    assert kept.known(question()) == PLAN
    assert kept.known(question("another job")) is None


def test_a_refusal_is_not_kept() -> None:
    kept = Plans()
    kept.keep(question(), REFUSAL)
    assert kept.known(question()) is None


def test_what_continues_another_run_is_asked_each_time() -> None:
    kept = Plans()
    after = question(known=KnownExecutionState())
    kept.keep(after, PLAN)
    assert kept.known(after) is kept.known(question()) is None


def test_few_are_kept_and_no_large_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "_KEPT", 2)
    kept = Plans()
    for name in ("a", "b"):
        kept.keep(question(name), PLAN)
    assert kept.known(question("a"))
    kept.keep(question("c"), PLAN)
    assert [kept.known(question(name)) for name in "abc"] == [PLAN, None, PLAN]

    monkeypatch.setattr(plans, "_MOST_CHARACTERS", len(PLAN) - 1)
    kept.keep(question("large"), PLAN)
    assert kept.known(question("large")) is None
