"""Workers of isolated agents ask for their runs, and are missed; who else asks says nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from dagster import (
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
)
from dagster._core.launcher import WorkerStatus
from dagster._serdes import serialize_value
from dagster_cloud.execution.monitoring import CloudRunWorkerStatus

from dagstead.control.actor import Actor
from dagstead.engine.instances import Instances
from dagstead.plane.launch_machine.events import (
    Begin,
    LaunchOffer,
    Start,
    WorkerCall,
)
from dagstead.plane.launch_watch import (
    ASKING_SECONDS,
)
from dagstead.plane.launches import LaunchTags
from dagstead.plane.tokens import Grant, TokenKind
from dagstead.testing.clock import ManualClock
from dagstead.watch.run_watch import RunWatch
from tests.support.heartbeats import heartbeat_of
from tests.unit.engine.runs import (
    messages,
    report,
    reported_statuses,
    status,
)

BEGIN = Begin(agent_id="agent-1", token_id=1)


@dataclass(frozen=True, kw_only=True)
class Asking:
    """A run that has started, and whoever asks for it."""

    instances: Instances
    instance: DagsterInstance
    run: DagsterRun
    clock: ManualClock
    watch: RunWatch

    def ask(self, *pauses: float) -> None:
        """Somebody asks for the run after these pauses, in seconds."""
        for pause in pauses:
            self.pass_time(pause)
            self.instances.store.launches.step("prod", self.run.run_id, WorkerCall())

    def pass_time(self, seconds: float) -> None:
        """The agent is heard, and the watch looks, every few seconds."""
        until = self.clock() + seconds
        while self.clock() < until:
            self.clock.advance(min(5, until - self.clock()))
            self.hear()
            self.watch.look()

    def hear(self, **changes: Any) -> None:
        beat = heartbeat_of("gpu", now=self.clock(), agent_id="agent-1", **changes)
        self.instances.store.agents.record([beat])

    def status(self) -> DagsterRunStatus:
        return status(self.instance, self.run)


@pytest.fixture
def asking(
    instances: Instances, instance: DagsterInstance, run: DagsterRun, clock: ManualClock
) -> Asking:
    """Its worker has asked for the run, as every worker does once, and started it."""
    found = Asking(
        instances=instances,
        instance=instance,
        run=run,
        clock=clock,
        watch=RunWatch(instances.control),
    )
    found.hear()
    found.watch.look()
    instances.store.launches.step("prod", run.run_id, BEGIN)
    found.ask(3)
    report(instance, run, DagsterEventType.RUN_START)
    return found


@pytest.mark.parametrize("pauses", [(10, 10), (11, 15, 9), (10, 10, 50, 10)])
def test_a_worker_that_asked_for_its_run_and_stopped_asking_is_gone(
    asking: Asking, pauses: Sequence[float]
) -> None:
    asking.ask(*pauses)
    asking.pass_time(ASKING_SECONDS - 5)
    assert asking.status() is DagsterRunStatus.STARTED

    asking.pass_time(5)

    assert asking.status() is DagsterRunStatus.FAILURE
    assert "The run worker is gone: it asked for its run" in messages(asking.instance, asking.run)


@pytest.mark.parametrize(
    "pauses",
    [
        (20, 10, 10, 10, 10),
        (10, 30, 10, 10, 10),
        (4, 5, 5, 30, 5, 5, 5),
        (60, 12, 12, 12),
        (5, 5, 5, 5, 5, 5, 5),
        (1,) * 60,
        (10, 2, 8, 2, 8, 2, 8),
    ],
    ids=["late", "interrupted", "and long pauses", "rarely", "often", "all the time", "as well"],
)
def test_questions_of_user_code_say_nothing_of_the_worker(
    asking: Asking, pauses: Sequence[float]
) -> None:
    """They do not begin with the worker, or come between its own."""
    asking.ask(*pauses)

    asking.pass_time(150)

    assert asking.status() is DagsterRunStatus.STARTED


@pytest.mark.parametrize("in_code_server", [False, True])
def test_an_agent_one_of_whose_workers_never_asked_is_not_isolated(
    asking: Asking, *, in_code_server: bool
) -> None:
    """Another run of it may wait for this one, and ask in the same rhythm."""
    store = asking.instances.store
    offer = LaunchOffer(request_id="r", tags=LaunchTags(in_code_server=in_code_server))
    for event in (offer, BEGIN, WorkerCall(), Start()):
        store.launches.step("prod", "waits for it", event)
    asking.ask(10, 10, 10, 10, 10, 10)

    asking.pass_time(150)

    # A run in a code server has no worker that could ask.
    is_known_to_ask = in_code_server
    expected = DagsterRunStatus.FAILURE if is_known_to_ask else DagsterRunStatus.STARTED
    assert asking.status() is expected


def test_a_worker_that_its_agent_sees_running_is_not_gone(asking: Asking) -> None:
    """Its thread that asks has ended, for example."""
    running = CloudRunWorkerStatus(asking.run.run_id, WorkerStatus.RUNNING, None)
    asking.ask(10, 10, 10)

    for _ in range(20):
        asking.clock.advance(10)
        asking.hear(run_worker_statuses=serialize_value(reported_statuses(running)))
        asking.watch.look()

    assert asking.status() is DagsterRunStatus.STARTED


def test_a_worker_whose_line_was_cut_for_long_is_not_gone(asking: Asking) -> None:
    """It gives up asking for its run after a minute without the server, and works on."""
    asking.ask(10, 10, 10)
    for _ in range(20):
        asking.clock.advance(5)
        asking.watch.look()

    asking.pass_time(150)

    assert asking.status() is DagsterRunStatus.STARTED


def test_a_new_leader_misses_the_worker_as_the_one_before_would_have(asking: Asking) -> None:
    asking.ask(10, 10, 10)
    asking.clock.advance(20)
    next_one = replace(asking, watch=RunWatch(asking.instances.control))

    next_one.pass_time(ASKING_SECONDS + 5)

    assert next_one.status() is DagsterRunStatus.FAILURE


@pytest.mark.parametrize(("token_id", "counts"), [(1, True), (2, False)])
def test_only_the_token_of_its_agent_asks_for_a_run(
    asking: Asking, token_id: int, *, counts: bool
) -> None:
    instances = asking.instances
    token = instances.store.tokens.create("it", TokenKind.AGENT, "secret", Grant())
    asking.clock.advance(10)

    prod = instances.store.deployments.get("prod")
    instances.control.launches.note_asking(
        Actor.holding(replace(token, id=token_id)), prod, asking.run.run_id
    )

    launch = instances.store.launches.newest("prod", asking.run.run_id)
    assert launch is not None
    assert (launch.asked_times == 1) is counts
