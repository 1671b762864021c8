"""What runs of branch deployments share, and how long branch deployments stay open."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from dagster import DagsterEventType

from dagstead.control.actor import SYSTEM
from dagstead.control.settings.form import organization_settings_errors
from dagstead.plane.deployments import Branch
from dagstead.watch.branch_ages import BranchAges
from tests.support.releases import deploy
from tests.unit.engine.runs import WEATHER, messages, report
from tests.unit.engine.settings_seen import sees
from tests.unit.engine.settings_stage import Stage

DAY = 24 * 3600.0


def set_organization(stage: Stage, settings: dict[str, Any]) -> None:
    assert organization_settings_errors(settings) == []
    stage.store.properties.set_organization_settings(settings)


def branch(stage: Stage, name: str) -> Stage:
    """A branch deployment with the location, as CI makes it."""
    made = stage.instances.control.deployments.open_branch(
        SYSTEM, Branch(repo_name="org/repo", branch_name=name), None
    )
    deploy(stage.store, made.name, [WEATHER])
    return replace(stage, name=made.name)


def is_closed(stage: Stage) -> bool:
    return stage.deployment.closed


@pytest.fixture
def first(stage: Stage) -> Stage:
    return branch(stage, "first")


@pytest.fixture
def second(stage: Stage) -> Stage:
    return branch(stage, "second")


@sees("max_concurrent_branch_deployment_runs", of="organization")
def test_branch_deployments_share_a_limit_on_runs(
    stage: Stage, first: Stage, second: Stage
) -> None:
    set_organization(stage, {"max_concurrent_branch_deployment_runs": 3})
    runs = first.queued(2)
    others = second.queued(2)
    of_prod = stage.queued(4)

    for each in (first, second, stage):
        each.dequeue()
    assert first.started(runs) == [True, True]
    assert second.started(others) == [True, False]
    assert stage.started(of_prod) == [True] * 4
    said = second.why(others[1])
    assert "under way in all branch deployments is reached: 3 of 3, held by " in said
    stage.clock.advance(11)
    stage.instances.control.wait_notes.note(SYSTEM)
    assert second.why(others[1]) in messages(second.instance, others[1])

    report(first.instance, runs[0], DagsterEventType.RUN_SUCCESS)
    second.dequeue()
    assert second.started(others) == [True, True]
    shown = second.instance.get_concurrency_config().run_queue_config
    assert shown is not None
    assert shown.max_concurrent_runs_all_branch_deployments == 3


@sees("max_concurrent_runs_per_branch_deployment", of="organization")
def test_one_branch_deployment_does_not_take_all(stage: Stage, first: Stage, second: Stage) -> None:
    set_organization(stage, {"max_concurrent_runs_per_branch_deployment": 1})
    runs = first.queued(2)
    others = second.queued(1)

    first.dequeue()
    second.dequeue()
    assert first.started(runs) == [True, False]
    assert second.started(others) == [True]
    said = first.why(runs[1])
    assert f"in branch deployment {first.name!r} is reached: 1 of 1, held by " in said
    set_organization(stage, {})
    first.dequeue()
    assert first.started(runs) == [True, True]


@sees("branch_deployment_tag_concurrency_limits", of="organization")
def test_branch_deployments_share_limits_on_tags(stage: Stage, first: Stage, second: Stage) -> None:
    set_organization(
        stage, {"branch_deployment_tag_concurrency_limits": [{"key": "team", "limit": 1}]}
    )
    runs = first.queued(tags={"team": "a"})
    others = second.queued(tags={"team": "b"}) + second.queued()

    for _ in range(2):
        first.dequeue()
        second.dequeue()
    assert first.started(runs) == [True]
    assert second.started(others) == [False, True]
    said = second.why(others[0])
    holder = runs[0].run_id[:8]
    assert f"'team' in all branch deployments is reached: 1 of 1, held by {holder}." in said
    assert "raise branch_deployment_tag_concurrency_limits in" in said
    report(first.instance, runs[0], DagsterEventType.RUN_SUCCESS)
    second.dequeue()
    assert second.started(others) == [True, True]


def test_what_was_let_out_and_is_not_recorded_yet_counts(
    stage: Stage, first: Stage, second: Stage
) -> None:
    """Every branch deployment has a daemon of its own, and all of them look at the same time."""
    set_organization(stage, {"max_concurrent_branch_deployment_runs": 1})
    (run,), (other,) = first.queued(), second.queued()
    shared = stage.daemons.branch_gate

    assert shared.admitted(first.deployment, [run]) == [run]
    assert shared.admitted(second.deployment, [other]) == []
    # The daemon that let it out died before it could launch it.
    stage.clock.advance(60)
    assert shared.admitted(second.deployment, [other]) == [other]


def test_limits_that_contradict_each_other_are_refused() -> None:
    (error,) = organization_settings_errors(
        {
            "max_concurrent_branch_deployment_runs": 2,
            "max_concurrent_runs_per_branch_deployment": 3,
        }
    )
    assert error.startswith("max_concurrent_runs_per_branch_deployment is 3, more than the 2 ")


@sees("branch_deployments.close_after_days", of="organization")
def test_a_branch_deployment_that_nobody_uses_is_closed(
    stage: Stage, first: Stage, second: Stage
) -> None:
    control = stage.instances.control
    ages = BranchAges(control)
    stage.clock.advance(1000 * DAY)
    ages.look()
    assert not is_closed(first), "without the setting it is never closed"

    set_organization(stage, {"branch_deployments": {"close_after_days": 7}})
    branch(stage, "second")
    ages.look()
    assert is_closed(first)
    assert not is_closed(second)
    assert not is_closed(stage)
    assert control.branches.closing_times(SYSTEM) == {second.name: stage.clock() + 7 * DAY}

    again = branch(stage, "first")
    assert not is_closed(again), "its next deploy opens it again"


def test_a_branch_deployment_with_runs_is_used(stage: Stage, first: Stage) -> None:
    set_organization(stage, {"branch_deployments": {"close_after_days": 7}})
    (run,) = first.queued()
    stage.clock.advance(8 * DAY)
    ages = BranchAges(stage.instances.control)

    ages.look()
    assert not is_closed(first), "the run has not ended"
    first.instance.run_storage.delete_run(run.run_id)
    ages.look()
    assert is_closed(first)
