"""Deploys and rollbacks while the only agent has just died, by the deployment's policy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from dagstead.control.actor import SYSTEM
from dagstead.control.all import Control
from dagstead.control.releases import RollbackGoal
from dagstead.errors import InvalidDocumentError
from dagstead.plane.locations import NewLocation
from dagstead.plane.presence import SILENT_SECONDS
from dagstead.plane.releases import NewRelease, Release, ReleaseState
from dagstead.plane.tokens import Grant, TokenKind
from dagstead.store.all import Store
from dagstead.testing.clock import ManualClock
from dagstead.watch.release_watch import GONE_SECONDS, ReleaseWatch
from tests.support.heartbeats import heartbeat_of
from tests.support.orchestration import control_without_dagster
from tests.support.releases import new_location
from tests.support.stores import empty_store

QUEUE = "gpu"

Begin = Callable[[Control], Release]


@pytest.fixture
def store(tmp_path: Path, clock: ManualClock) -> Iterator[Store]:
    """Two releases of the location digits are live; its agent is alive."""
    store = empty_store(tmp_path, clock)
    store.deployments.create("prod")
    token = store.tokens.create("gpu", TokenKind.AGENT, "secret", Grant(queues=[QUEUE]))
    store.agents.record([heartbeat_of(QUEUE, now=clock(), token_id=token.id)])
    store.token_calls.polled(token.id)
    for deploy_id in ("first", "second"):
        begin(control_without_dagster(store), new_location("digits", deploy_id, QUEUE))
        store.releases.set_loaded("prod", "digits", deploy_id=deploy_id, manifest=deploy_id)
    yield store
    store.close()


def begin(control: Control, location: NewLocation) -> Release:
    prod = control.deployments.named(SYSTEM, "prod")
    return control.releases.begin(SYSTEM, prod, NewRelease(locations=[location]))


def deploy(control: Control) -> Release:
    return begin(control, new_location("digits", "third", QUEUE))


def roll_back(control: Control) -> Release:
    def again(_document: Mapping[str, Any]) -> NewLocation:
        return new_location("digits", "third", QUEUE)

    prod = control.deployments.named(SYSTEM, "prod")
    return control.releases.roll_back(SYSTEM, prod, RollbackGoal(), again)


def served(store: Store) -> str | None:
    return store.locations.get("prod", "digits").manifest


both = pytest.mark.parametrize("act", [deploy, roll_back])


@both
def test_it_is_refused_as_soon_as_the_agent_is_silent(
    store: Store, clock: ManualClock, act: Begin
) -> None:
    clock.advance(SILENT_SECONDS)
    with pytest.raises(InvalidDocumentError, match="'digits' would wait. No agent is running"):
        act(control_without_dagster(store))
    assert [release.number for release in store.releases.all("prod")] == [2, 1]
    assert served(store) == "second"


@both
@pytest.mark.parametrize(("policy", "says"), [("warn", "No agent is running"), ("wait", None)])
def test_it_waits_for_the_next_agent_where_the_policy_says_so(
    store: Store, clock: ManualClock, act: Begin, policy: str, says: str | None
) -> None:
    store.deployments.set_settings("prod", {"releases": {"unserved_queue": policy}})
    control = control_without_dagster(store)
    clock.advance(SILENT_SECONDS)
    begun = act(control)
    assert bool(begun.reason) is bool(says)
    assert (says or "") in (begun.reason or "")

    watch = ReleaseWatch(control)
    watch.look()
    clock.advance(GONE_SECONDS)
    watch.look()
    assert served(store) == "second"
    store.releases.set_loaded("prod", "digits", deploy_id="third", manifest="third")
    assert store.releases.get("prod", 3).state is ReleaseState.LIVE


@both
def test_before_the_silence_can_be_seen_it_begins_and_ends_when_no_agent_comes_back(
    store: Store, clock: ManualClock, act: Begin
) -> None:
    control = control_without_dagster(store)
    clock.advance(SILENT_SECONDS - 1)
    act(control)
    clock.advance(1)
    watch = ReleaseWatch(control)
    watch.look()
    clock.advance(GONE_SECONDS)
    watch.look()

    ended = store.releases.get("prod", 3)
    assert ended.state is ReleaseState.FAILED
    assert "'digits' has lost its agent. No agent is running" in (ended.reason or "")
    assert served(store) == "second"
