"""Heartbeats as the store keeps them."""

from __future__ import annotations

from dagstead.plane.agents import Heartbeat


def heartbeat_of(queue: str | None, *, now: float, deployment: str = "prod") -> Heartbeat:
    """The heartbeat of an agent in Docker that serves one queue."""
    return Heartbeat(
        agent_id="a1",
        deployment=deployment,
        token_id=1,
        received_at=now,
        first_received_at=now,
        label="gpu agent",
        type="Docker",
        version="1.13.27",
        queues=frozenset({queue}),
        branch_deployments=False,
        metadata={},
        run_worker_statuses=None,
        errors=(),
    )
