"""Heartbeats as the store keeps them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dagstead.plane.agents import Heartbeat
from dagstead.plane.tokens import Grant, TokenKind
from dagstead.store.all import Store
from tests.support.tokens import token_of

#: That of a managed pool that serves everything.
POOL_TOKEN = token_of(TokenKind.POOL, queues=frozenset({None}), branch_deployments=True)

_USUAL = Heartbeat(
    agent_id="a-1",
    deployment="prod",
    token_id=1,
    received_at=0.0,
    first_received_at=0.0,
    label="eu",
    type="DockerUserCodeLauncher",
    version="1.13.27",
    queues=frozenset({None}),
    branch_deployments=False,
    metadata={},
    run_worker_statuses=None,
    errors=(),
)


def heartbeat_of(*queues: str | None, now: float = 0.0, **changes: Any) -> Heartbeat:
    """The first heartbeat of an agent in Docker that serves these queues, at a time.

    ``changes`` are other values of the fields.
    """
    served = frozenset(queues or {None})
    return replace(
        _USUAL, **{"received_at": now, "first_received_at": now, "queues": served, **changes}
    )


def of_pool(store: Store, beat: Heartbeat) -> Heartbeat:
    """The same heartbeat, sent with the token of a managed pool."""
    known = (token for token in store.tokens.all() if token.kind is TokenKind.POOL)
    token = next(known, None) or store.tokens.create(
        "pool", TokenKind.POOL, "secret of the pool", Grant(queues=[None])
    )
    return replace(beat, token_id=token.id)
