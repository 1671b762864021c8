"""Whether somebody would load a location: agents heard of, and those that have just called."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dagstead.control.actor import SYSTEM
from dagstead.model.pool_pythons import tag_of_pool
from dagstead.plane.deployments import Deployment
from dagstead.plane.tokens import Grant, TokenKind
from dagstead.store.all import Store
from dagstead.testing.clock import ManualClock
from tests.support.heartbeats import POOL_TOKEN, heartbeat_of, of_pool
from tests.support.orchestration import control_without_dagster
from tests.support.stores import empty_store


@pytest.fixture
def store(tmp_path: Path, clock: ManualClock) -> Iterator[Store]:
    store = empty_store(tmp_path, clock)
    store.tokens.create("gpu", TokenKind.AGENT, "secret", Grant(queues=["gpu"]))
    yield store
    store.close()


@pytest.fixture
def prod(store: Store) -> Deployment:
    return store.deployments.create("prod")


def why_unserved(store: Store, prod: Deployment, location: str, queue: str | None) -> str | None:
    availability = control_without_dagster(store).availability
    return availability.why_unserved(SYSTEM, prod, location, queue)


def test_a_token_that_was_never_used_is_no_agent(store: Store, prod: Deployment) -> None:
    reason = why_unserved(store, prod, "digits", "gpu")
    assert reason is not None
    assert "No agent is running" in reason


def test_an_agent_that_has_just_called_may_serve_what_its_token_grants(
    store: Store, prod: Deployment, clock: ManualClock
) -> None:
    store.tokens.authenticate("secret")
    assert why_unserved(store, prod, "digits", "gpu") is None
    assert why_unserved(store, prod, "digits", "cpu") is not None
    assert why_unserved(store, prod, "digits", None) is not None
    clock.advance(90)
    assert why_unserved(store, prod, "digits", "gpu") is not None


def test_a_revoked_token_is_nobody(store: Store, prod: Deployment) -> None:
    store.tokens.authenticate("secret")
    store.tokens.revoke(1)
    assert why_unserved(store, prod, "digits", "gpu") is not None


def test_a_python_that_no_pool_has_is_refused(
    store: Store, prod: Deployment, clock: ManualClock
) -> None:
    def refused(python: str) -> list[str]:
        return control_without_dagster(store).availability.why_refused(
            SYSTEM, prod, {"digits": None}, {"digits": python}
        )

    pool = of_pool(store, heartbeat_of(None, now=clock()))
    store.agents.record([pool])
    assert refused("3.13") == [], "an agent that does not say what it has may have it"

    tag = tag_of_pool(["3.9", "3.11", "3.12"])
    store.agents.record([replace(pool, metadata={"image_tag": tag})])
    assert refused("3.12") == []
    (reason,) = refused("3.13")
    assert "'digits' is built for Python 3.13, and the managed pool has 3.9, 3.11, 3.12." in reason
    # What waits for an agent by the deployment's own policy never gets another Python.
    waiting = {"releases": {"unserved_queue": "wait"}}
    store.deployments.set_settings("prod", waiting)
    assert refused("3.13") == [reason]


def test_an_image_that_no_pool_runs_is_refused(
    store: Store, prod: Deployment, clock: ManualClock
) -> None:
    def refused() -> list[str]:
        return control_without_dagster(store).availability.why_refused(
            SYSTEM, prod, {"digits": None}, {}, ["digits"]
        )

    pool = of_pool(store, heartbeat_of(None, now=clock(), type="PexUserCodeLauncher"))
    store.agents.record([pool])
    (reason,) = refused()
    assert "'digits' is an image, and the managed pool runs PEX files only" in reason
    assert "pool_backend = docker" in reason

    store.agents.record([replace(pool, type="DockerPoolLauncher")])
    assert refused() == []
    store.agents.record([pool, heartbeat_of(None, now=clock(), agent_id="a-2")])
    assert refused() == [], "an agent of the user's own serves the queue, too"


def test_a_tag_of_another_image_says_nothing_of_pythons() -> None:
    assert heartbeat_of(pool=POOL_TOKEN, metadata={"image_tag": "1.13.27"}).pythons is None
    assert heartbeat_of(label="eu", metadata={"image_tag": "python-3.12"}).pythons is None
