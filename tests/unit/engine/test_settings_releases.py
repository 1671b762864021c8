"""How releases begin and end, and what documents may ask for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from dagstead.control.actor import SYSTEM
from dagstead.control.settings.form import (
    deployment_settings_errors,
    organization_settings_errors,
)
from dagstead.errors import DagsteadError
from dagstead.plane.deploy_policy import DeployPolicy, Wish
from dagstead.plane.locations import NewLocation
from dagstead.plane.releases import NewRelease, ReleaseState
from dagstead.store.all import Store
from dagstead.testing.clock import ManualClock
from dagstead.watch.release_watch import ReleaseWatch
from tests.support.heartbeats import heartbeat_of
from tests.support.orchestration import control_without_dagster
from tests.support.releases import new_location
from tests.support.stores import empty_store
from tests.unit.engine.settings_seen import sees

ONE = new_location("one", "1", "gpu")
TWO = new_location("two", "1", "gpu")


@pytest.fixture
def store(tmp_path: Any, clock: ManualClock) -> Iterator[Store]:
    opened = empty_store(tmp_path, clock)
    opened.deployments.create("prod")
    yield opened
    opened.close()


def begin(store: Store, *locations: NewLocation) -> None:
    control = control_without_dagster(store)
    prod = store.deployments.get("prod")
    control.releases.begin(SYSTEM, prod, NewRelease(locations=list(locations)))


def serve(store: Store) -> None:
    store.agents.record([heartbeat_of("gpu", now=store.clock(), agent_id="agent-1")])


def set_releases(store: Store, **settings: Any) -> None:
    assert deployment_settings_errors({"releases": settings}) == []
    store.deployments.set_settings("prod", {"releases": settings})


@sees("releases.atomic")
@pytest.mark.parametrize(
    ("atomic", "state"), [(True, ReleaseState.FAILED), (False, ReleaseState.PARTIAL)]
)
def test_locations_go_back_together_or_one_by_one(
    store: Store, *, atomic: bool, state: ReleaseState
) -> None:
    set_releases(store, atomic=atomic)
    serve(store)
    begin(store, ONE, TWO)

    store.releases.set_loaded("prod", "one", deploy_id="1", manifest="{}")
    store.releases.set_failed("prod", "two", deploy_id="1", error="{}")
    assert store.releases.get("prod", 1).state is state


@sees("releases.unserved_queue")
def test_a_deploy_to_a_queue_without_agents_is_refused_warned_of_or_waits(store: Store) -> None:
    with pytest.raises(DagsteadError, match="No agent is running that could serve"):
        begin(store, ONE)
    set_releases(store, unserved_queue="warn")
    begin(store, ONE)
    assert "No agent is running that could serve" in (store.releases.get("prod", 1).reason or "")
    set_releases(store, unserved_queue="wait")
    begin(store, TWO)
    assert store.releases.get("prod", 2).reason is None


@sees("releases.timeout_seconds")
def test_a_release_goes_back_that_does_not_load_in_time(store: Store, clock: ManualClock) -> None:
    set_releases(store, unserved_queue="wait", timeout_seconds=100)
    begin(store, ONE)
    watch = ReleaseWatch(control_without_dagster(store))

    clock.advance(99)
    watch.look()
    assert store.releases.get("prod", 1).state is ReleaseState.LOADING
    clock.advance(1)
    watch.look()
    assert store.releases.get("prod", 1).state is ReleaseState.FAILED
    assert "did not load within 100 seconds" in (store.releases.get("prod", 1).reason or "")


#: A bound that a wish does not keep, and the wish.
_ASKS = Wish(
    location="etl",
    queue="gpu",
    image="ghcr.io/other/etl:1",
    container_context={"k8s": {"namespace": "other"}},
)
BOUNDS: dict[str, Any] = {
    "registries": ["ghcr.io/acme"],
    "queues": ["cpu"],
    "container_context.allowed": ["k8s.resources"],
    "container_context.denied": ["k8s.namespace"],
}
PARTS = {"": {}, "branch_deployments.": {"is_branch": True}, "location_tokens.": {}}


def refused(policy: dict[str, Any], *, of: str, below: str, everybody: bool = False) -> list[str]:
    """What is refused of the wish, of those whom a part of a policy is for, or of everybody."""
    section = {"deploy_policy": policy} if policy else {}
    check = {
        "deployment": deployment_settings_errors,
        "organization": organization_settings_errors,
    }[of]
    assert check(section) == []
    return DeployPolicy.of(
        section if of == "organization" else {},
        deployment="prod",
        settings=section if of == "deployment" else {},
        is_branch=below == "branch_deployments." and not everybody,
        is_of_locations=below == "location_tokens." and not everybody,
    ).refusals(_ASKS, None, keeps_queue=False)


@sees(
    *(f"deploy_policy.{part}{bound}" for part in ("", "location_tokens.") for bound in BOUNDS),
    of="deployment",
)
@sees(*(f"deploy_policy.{part}{bound}" for part in PARTS for bound in BOUNDS), of="organization")
@pytest.mark.parametrize(
    ("of", "below"),
    [
        ("deployment", ""),
        ("deployment", "location_tokens."),
        ("organization", ""),
        ("organization", "branch_deployments."),
        ("organization", "location_tokens."),
    ],
)
@pytest.mark.parametrize("bound", BOUNDS)
def test_documents_may_ask_only_for_what_a_policy_allows(of: str, below: str, bound: str) -> None:
    policy: dict[str, Any] = BOUNDS[bound]
    for key in reversed(f"{below}{bound}".split(".")):
        policy = {key: policy}
    # Where a part is set, its defaults do not count.
    nothing: dict[str, Any] = {below.rstrip("."): {"container_context": {}}} if below else {}

    assert refused(nothing, of=of, below=below) == []
    assert refused(policy, of=of, below=below)
    if below:
        assert refused(policy, of=of, below=below, everybody=True) == []
