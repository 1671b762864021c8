"""Heartbeats as the store keeps them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dagstead.plane.agents import Heartbeat

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
