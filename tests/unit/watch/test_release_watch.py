"""Releases that nobody will finish are ended, with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dagstead.plane.releases import ReleaseState
from dagstead.store.all import Store
from dagstead.testing.clock import ManualClock
from dagstead.watch.release_watch import GONE_SECONDS, ReleaseWatch
from tests.support.heartbeats import heartbeat_of
from tests.support.orchestration import control_without_dagster
from tests.support.releases import deploy, new_location
from tests.support.stores import empty_store


@pytest.fixture
def store(tmp_path: Path, clock: ManualClock) -> Iterator[Store]:
    """The deployment prod with a release that is loading from the queue gpu."""
    store = empty_store(tmp_path, clock)
    store.deployments.create("prod")
    deploy(store, "prod", [new_location("digits", "d1", "gpu")])
    yield store
    store.close()


@pytest.fixture
def watch(store: Store) -> ReleaseWatch:
    return ReleaseWatch(control_without_dagster(store))


def beat(store: Store) -> None:
    store.agents.record([heartbeat_of("gpu", now=store.clock())])


def test_a_release_whose_agents_have_gone_is_ended(
    watch: ReleaseWatch, store: Store, clock: ManualClock
) -> None:
    watch.look()
    clock.advance(GONE_SECONDS - 1)
    watch.look()
    assert store.releases.get("prod", 1).state is ReleaseState.LOADING
    clock.advance(1)
    watch.look()

    ended = store.releases.get("prod", 1)
    assert ended.state is ReleaseState.FAILED
    assert "'digits' has lost its agent. No agent is running" in (ended.reason or "")


def test_an_agent_that_comes_back_saves_the_release(
    watch: ReleaseWatch, store: Store, clock: ManualClock
) -> None:
    watch.look()
    clock.advance(GONE_SECONDS - 1)
    beat(store)
    watch.look()
    clock.advance(GONE_SECONDS - 1)
    watch.look()
    assert store.releases.get("prod", 1).state is ReleaseState.LOADING


def test_a_deployment_that_waits_for_agents_ends_it_by_the_time_limit_only(
    watch: ReleaseWatch, store: Store, clock: ManualClock
) -> None:
    settings = {"releases": {"unserved_queue": "wait", "timeout_seconds": 1000}}
    store.deployments.set_settings("prod", settings)
    for _ in range(3):
        clock.advance(GONE_SECONDS)
        watch.look()
    assert store.releases.get("prod", 1).state is ReleaseState.LOADING
    clock.advance(1000)
    watch.look()
    assert "did not load within 1000 seconds" in (store.releases.get("prod", 1).reason or "")
