"""What the pool says of runs that it has no worker of."""

from __future__ import annotations

import time
from typing import cast

import pytest
from dagster import DagsterRun
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus

from dagstead.model.launches import LAUNCH_NUMBER_TAG
from dagstead.serverless.agents_before import note_agent
from dagstead.serverless.home import PoolHome
from dagstead.serverless.run_launcher import AGENT_TAG, PexRunLauncher
from dagstead.serverless.run_records import RunRecords
from dagstead.serverless.sandbox.limits import ProcessLimits
from dagstead.serverless.user_code import UserCode
from dagstead.serverless.warm.starts import WarmStarts
from dagstead.serverless.worker_tokens import WorkerTokens
from tests.support.sandboxes import without_walls


@pytest.fixture
def launcher(home: PoolHome) -> PexRunLauncher:
    return PexRunLauncher(
        user_code=cast("UserCode", None),
        records=RunRecords(home=home, clock=time.time),
        home=home,
        environment={},
        sandbox=without_walls(home),
        limits=ProcessLimits(),
        tokens=cast("WorkerTokens", None),
        warm=cast("WarmStarts", None),
    )


def health(launcher: PexRunLauncher, agent_id: str, launch: int = 1) -> CheckRunHealthResult:
    tags = {AGENT_TAG: agent_id, LAUNCH_NUMBER_TAG: str(launch)}
    run_id = "00000000-0000-0000-0000-000000000001"
    return launcher.check_run_worker_health(DagsterRun(job_name="job", run_id=run_id, tags=tags))


def test_a_run_that_an_agent_could_not_start_before_it_was_killed_is_launched_again(
    launcher: PexRunLauncher, home: PoolHome
) -> None:
    note_agent(home, "killed")
    note_agent(home, "next")
    found = health(launcher, "killed", launch=2)
    assert found.status is WorkerStatus.FAILED
    assert found.transient
    assert found.run_worker_id == "none of launch 2"
    assert "Agent killed of the managed pool was killed" in (found.msg or "")


@pytest.mark.parametrize("agent_id", ["next", "of another pool"])
def test_of_a_run_that_another_agent_may_start_nothing_is_known(
    launcher: PexRunLauncher, home: PoolHome, agent_id: str
) -> None:
    note_agent(home, "killed")
    note_agent(home, "next")
    assert health(launcher, agent_id).status is WorkerStatus.UNKNOWN


def test_only_the_newest_agents_are_noted(launcher: PexRunLauncher, home: PoolHome) -> None:
    for number in range(1002):
        note_agent(home, f"agent {number}")
    assert health(launcher, "agent 1").status is WorkerStatus.UNKNOWN
    assert health(launcher, "agent 2").status is WorkerStatus.FAILED
