"""Every deployment has one set of daemons, never two."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from dagster._daemon.daemon import DaemonIterator, SensorDaemon

from dagstead.control.actor import SYSTEM
from dagstead.engine.daemons import Daemons
from dagstead.engine.instances import Instances
from dagstead.store.all import Store
from dagstead.testing import eventually
from dagstead.testing.clock import ManualClock
from tests.support.releases import deploy
from tests.support.stores import empty_store
from tests.unit.engine.runs import WEATHER


@pytest.fixture
def store(tmp_path: Path, clock: ManualClock) -> Iterator[Store]:
    with closing(empty_store(tmp_path, clock)) as opened:
        opened.deployments.create("prod")
        yield opened


@pytest.fixture
def daemons(store: Store, tmp_path: Path) -> Iterator[Daemons]:
    with closing(Instances(store, tmp_path / "deployments", None)) as instances:
        daemons = Daemons(instances, "http://127.0.0.1:1")
        yield daemons
        assert daemons.stop()


def kinds(daemons: Daemons) -> list[str]:
    """The daemons that run for the deployment."""
    found = daemons._running.get("prod")
    return [loop.daemon.daemon_type() for loop in found.loops] if found else []


def beats(daemons: Daemons) -> set[str]:
    """The daemons that have said that they live."""
    instances = daemons.instances
    instance = instances.get(instances.store.deployments.get("prod"))
    return set(instance.get_daemon_heartbeats())


def test_every_daemon_of_a_deployment_begins_to_work(daemons: Daemons) -> None:
    daemons.check()
    wanted = set(kinds(daemons))
    assert {"QUEUED_RUN_COORDINATOR", "SCHEDULER", "SENSOR", "BACKFILL"} <= wanted
    eventually(lambda: beats(daemons) == wanted, 20, "a heartbeat of each")


def test_changed_settings_replace_daemons_once_the_old_ones_have_stopped(
    store: Store, daemons: Daemons, monkeypatch: pytest.MonkeyPatch
) -> None:
    held_up, begun = threading.Event(), threading.Event()

    def slow(*_arguments: object) -> DaemonIterator:
        """It is in the middle of a long call."""
        begun.set()
        held_up.wait()
        yield None

    with monkeypatch.context() as patch:
        patch.setattr(SensorDaemon, "core_loop", slow)
        daemons.check()
        assert begun.wait(20)
    before = kinds(daemons)
    store.deployments.set_settings("prod", {"run_queue": {"max_concurrent_runs": 1}})

    daemons.check()
    old = daemons._stopping["prod"].loops
    eventually(lambda: sum(loop.has_ended for loop in old) == len(old) - 1, 20, "all but one")
    daemons.check()
    assert not kinds(daemons)
    held_up.set()
    eventually(lambda: all(loop.has_ended for loop in old), 20, "the last one")
    daemons.check()
    assert kinds(daemons) == before


def test_in_a_pause_no_daemon_works(daemons: Daemons) -> None:
    daemons.check()
    loops = daemons._running["prod"].loops
    assert daemons.instances.control.pauses.begin(SYSTEM)
    daemons.check()
    eventually(lambda: all(loop.has_ended for loop in loops), 20, "all have stopped")
    daemons.check()
    assert not kinds(daemons)


def test_daemons_of_a_deployment_without_code_rest_until_it_has_some(
    store: Store, daemons: Daemons, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []

    def looking(_daemon: object, _workspace: object, rest: threading.Event) -> DaemonIterator:
        while True:
            looks.append(time.monotonic())
            rest.wait(0.01)
            yield None

    monkeypatch.setattr(SensorDaemon, "core_loop", looking)
    daemons.check()
    wanted = set(kinds(daemons))
    eventually(lambda: beats(daemons) == wanted, 20, "a heartbeat of each")
    daemons.check()
    assert len(looks) == 1
    deploy(store, "prod", [WEATHER])
    daemons.check()
    eventually(lambda: len(looks) > 3, 20, "a daemon that works")
