"""Open-source loops are driven turn by turn: a wait is the time to the next one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance
from dagster._daemon.daemon import DaemonIterator, DagsterDaemon, IntervalDaemon

from dagstead.engine import daemon_loop
from dagstead.engine.daemon_loop import DaemonLoop
from dagstead.engine.instances import Instances


class Loop(DagsterDaemon[Any]):
    """A daemon whose loop a test writes."""

    def __init__(self, steps: Callable[[threading.Event], DaemonIterator]) -> None:
        super().__init__()
        self._steps = steps

    @classmethod
    def daemon_type(cls) -> str:
        return "SENSOR"

    def core_loop(self, _workspace: Any, shutdown_event: threading.Event) -> DaemonIterator:
        return self._steps(shutdown_event)


class Interval(IntervalDaemon[Any]):
    """Counts its iterations."""

    iterations = 0

    @classmethod
    def daemon_type(cls) -> str:
        return "MONITORING"

    def run_iteration(self, _workspace: Any) -> DaemonIterator:
        self.iterations += 1
        yield None


class Workspace:
    def __init__(self, instance: DagsterInstance) -> None:
        self.instance = instance


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[DagsterInstance]:
    with DagsterInstance.local_temp(str(tmp_path)) as made:
        yield made


def loop_of(
    daemon: DagsterDaemon[Any], instance: DagsterInstance, *, quiet: bool = False
) -> DaemonLoop:
    return DaemonLoop(daemon, Workspace(instance), is_quiet=lambda: quiet)  # type: ignore[arg-type]


def rest_of(loop: DaemonLoop) -> float:
    """How long it has nothing to do: on a busy machine, a turn may end before that."""
    return next(seconds for seconds in iter(loop.take, None) if seconds)


def test_a_wait_is_the_time_to_the_next_turn(instance: DagsterInstance) -> None:
    done: list[str] = []

    def steps(rest: threading.Event) -> DaemonIterator:
        while True:
            done.append("work")
            yield None
            assert not rest.wait(30)
            yield None

    loop = loop_of(Loop(steps), instance)
    assert [rest_of(loop) for _ in range(3)] == [30, 30, 30]
    assert done == ["work"] * 3


def test_where_nothing_can_be_due_it_rests_for_long(instance: DagsterInstance) -> None:
    def steps(rest: threading.Event) -> DaemonIterator:
        while True:
            rest.wait(1)
            yield None

    assert rest_of(loop_of(Loop(steps), instance, quiet=True)) == daemon_loop._QUIET_SECONDS
    assert rest_of(loop_of(Loop(steps), instance)) == 1


def test_where_nothing_can_be_due_no_connection_is_kept(instances: Instances) -> None:
    instance = instances.get(instances.store.deployments.get("prod"))

    def steps(rest: threading.Event) -> DaemonIterator:
        instance.get_runs_count()
        rest.wait(1)
        yield None

    def kept_connections(*, quiet: bool) -> int:
        rest_of(loop_of(Loop(steps), instance, quiet=quiet))
        kept: int = instance.run_storage._held.pool.checkedin()  # type: ignore[attr-defined]
        return kept

    assert kept_connections(quiet=False) == 1
    assert kept_connections(quiet=True) == 0


def test_what_comes_in_intervals_is_not_asked_in_between(instance: DagsterInstance) -> None:
    daemon = Interval(interval_seconds=120)
    seconds = rest_of(loop_of(daemon, instance))
    assert daemon.iterations == 1
    assert 100 < seconds <= 120


def test_one_that_goes_on_and_on_lets_others_have_the_thread(instance: DagsterInstance) -> None:
    def steps(_rest: threading.Event) -> DaemonIterator:
        while True:
            yield None

    assert loop_of(Loop(steps), instance).take() == 0.0


def test_an_error_begins_the_loop_anew_and_is_in_the_heartbeat(
    instance: DagsterInstance,
) -> None:
    begun: list[int] = []

    def steps(rest: threading.Event) -> DaemonIterator:
        begun.append(1)
        rest.wait(0)
        yield None
        raise ValueError("no such table")

    loop = loop_of(Loop(steps), instance)
    assert [rest_of(loop) for _ in range(2)] == [daemon_loop._ERROR_SECONDS] * 2
    assert len(begun) == 2
    loop.daemon._last_heartbeat_time = None
    loop.take()
    [beat] = instance.get_daemon_heartbeats().values()
    assert beat.errors
    assert "no such table" in beat.errors[0].message


def test_it_ends_in_the_turn_after_it_was_asked_to(instance: DagsterInstance) -> None:
    closed: list[int] = []

    def steps(rest: threading.Event) -> DaemonIterator:
        try:
            while True:
                rest.wait(60)
                yield None
        finally:
            closed.append(1)

    loop = loop_of(Loop(steps), instance)
    loop.take()
    loop.stop()
    assert [loop.has_ended, loop.take(), loop.has_ended] == [False, None, True]
    assert closed


def test_it_says_that_it_lives_every_few_minutes(
    instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def steps(rest: threading.Event) -> DaemonIterator:
        while True:
            rest.wait(1)
            yield None

    loop = loop_of(Loop(steps), instance)
    loop.take()
    [first] = instance.get_daemon_heartbeats().values()
    loop.take()
    assert list(instance.get_daemon_heartbeats().values()) == [first]
    monkeypatch.setattr(daemon_loop, "_HEARTBEAT_SECONDS", 0.0)
    loop.take()
    [later] = instance.get_daemon_heartbeats().values()
    assert later.timestamp > first.timestamp
    assert later.daemon_id == first.daemon_id
