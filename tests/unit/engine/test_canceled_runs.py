"""Runs that wait are canceled in Dagster's own storage."""

from __future__ import annotations

import pytest
from dagster import DagsterEventType, DagsterInstance, DagsterRun, DagsterRunStatus

from dagstead.control.actor import SYSTEM
from dagstead.control.runs import Cancellation
from dagstead.engine.instances import Instances
from dagstead.errors import ConflictError, NotFoundError
from dagstead.plane.deployments import Deployment
from tests.unit.engine.runs import begin, report, status


@pytest.fixture
def prod(instances: Instances) -> Deployment:
    return instances.store.deployments.get("prod")


def test_a_queued_run_ends_at_once(
    instances: Instances, instance: DagsterInstance, queued: DagsterRun, prod: Deployment
) -> None:
    done = instances.control.runs.cancel(SYSTEM, prod, queued.run_id)
    assert done is Cancellation.DONE
    assert status(instance, queued) is DagsterRunStatus.CANCELED
    launch = instances.store.launches.newest("prod", queued.run_id)
    assert launch is None or not launch.is_open


def test_a_run_whose_launch_nobody_has_begun_ends_at_once(
    instances: Instances, instance: DagsterInstance, run: DagsterRun, prod: Deployment
) -> None:
    done = instances.control.runs.cancel(SYSTEM, prod, run.run_id)
    assert done is Cancellation.DONE
    assert status(instance, run) is DagsterRunStatus.CANCELED
    assert instances.control.reasons.waiting_runs(SYSTEM).total == 0


def test_a_run_that_an_agent_begins_is_left_to_it(
    instances: Instances, instance: DagsterInstance, run: DagsterRun, prod: Deployment
) -> None:
    begin(instances, run, "agent-1")
    done = instances.control.runs.cancel(SYSTEM, prod, run.run_id)
    assert done in {Cancellation.ASKED, Cancellation.OUT_OF_REACH}
    assert status(instance, run) is DagsterRunStatus.CANCELING


def test_a_run_that_has_started_goes_on(
    instances: Instances, instance: DagsterInstance, run: DagsterRun, prod: Deployment
) -> None:
    report(instance, run, DagsterEventType.RUN_START)
    with pytest.raises(ConflictError, match="has started meanwhile"):
        instances.control.runs.cancel(SYSTEM, prod, run.run_id)
    assert status(instance, run) is DagsterRunStatus.STARTED
    with pytest.raises(NotFoundError, match="no run"):
        instances.control.runs.cancel(SYSTEM, prod, "nothing")
