"""Whether somebody would load a location: agents heard of, and those that have just called."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dagstead.engine.calls import AgentCalls
from dagstead.plane.deployments import Deployment
from dagstead.plane.tokens import TokenKind
from dagstead.store.all import Store, open_store
from dagstead.store.tokens import Grant
from dagstead.testing.clock import ManualClock


@pytest.fixture
def store(tmp_path: Path, clock: ManualClock) -> Iterator[Store]:
    store = open_store(
        database_url=f"sqlite:///{tmp_path / 'x.db'}", blobs_folder=tmp_path / "b", clock=clock
    )
    store.tokens.create("gpu", TokenKind.AGENT, "secret", Grant(queues=["gpu"]))
    yield store
    store.close()


@pytest.fixture
def prod(store: Store) -> Deployment:
    return store.deployments.create("prod")


def test_a_token_that_was_never_used_is_no_agent(store: Store, prod: Deployment) -> None:
    reason = AgentCalls(store).why_unserved(prod, "digits", "gpu")
    assert reason is not None
    assert "No agent is running" in reason


def test_an_agent_that_has_just_called_may_serve_what_its_token_grants(
    store: Store, prod: Deployment, clock: ManualClock
) -> None:
    store.tokens.authenticate("secret")
    assert AgentCalls(store).why_unserved(prod, "digits", "gpu") is None
    assert AgentCalls(store).why_unserved(prod, "digits", "cpu") is not None
    assert AgentCalls(store).why_unserved(prod, "digits", None) is not None
    clock.advance(90)
    assert AgentCalls(store).why_unserved(prod, "digits", "gpu") is not None


def test_a_revoked_token_is_nobody(store: Store, prod: Deployment) -> None:
    store.tokens.authenticate("secret")
    store.tokens.revoke(1)
    assert AgentCalls(store).why_unserved(prod, "digits", "gpu") is not None
