"""Every deployment has one set of daemons, never two."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from dagstead.control.actor import SYSTEM
from dagstead.engine.daemons import Daemons
from dagstead.engine.instances import Instances
from dagstead.store.all import Store
from dagstead.testing import eventually
from dagstead.testing.clock import ManualClock
from tests.support.stores import empty_store


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
        assert not threads()


def threads() -> Counter[str]:
    """How many daemons of every kind run."""
    return Counter(
        thread.name for thread in threading.enumerate() if thread.name.startswith("dagster-daemon-")
    )


def test_changed_settings_replace_daemons_once_the_old_ones_have_stopped(
    store: Store, daemons: Daemons
) -> None:
    daemons.check()
    before = set(threads())
    held_up = threading.Event()
    slow = threading.Thread(target=held_up.wait, daemon=True)
    slow.start()
    # One of them is in the middle of a long call.
    daemons._running["prod"].controller._daemon_threads["SENSOR"] = slow
    store.deployments.set_settings("prod", {"run_queue": {"max_concurrent_runs": 1}})

    daemons.check()
    eventually(lambda: not threads(), 20, "the others have stopped")
    daemons.check()
    assert not threads()
    held_up.set()
    slow.join()
    daemons.check()
    assert threads() == Counter(before)


def test_in_a_pause_no_daemon_works(daemons: Daemons) -> None:
    daemons.check()
    assert {
        "dagster-daemon-QUEUED_RUN_COORDINATOR",
        "dagster-daemon-SCHEDULER",
        "dagster-daemon-SENSOR",
    } <= set(threads())
    assert daemons.instances.control.pauses.begin(SYSTEM)
    daemons.check()
    eventually(lambda: not threads(), 20, "all have stopped")
    daemons.check()
    assert not threads()
