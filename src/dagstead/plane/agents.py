"""Agents, as their heartbeats describe them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from dagstead.model.agents import Agent, AgentKind
from dagstead.model.pool_pythons import TAG_KEY, pythons_of_tag, walls_of_tag
from dagstead.plane.agent_keys import AgentKey
from dagstead.plane.code_servers import ServerReport
from dagstead.plane.tokens import Token

#: Official agents send a heartbeat every 30 seconds. An agent that misses three is gone.
ALIVE_SECONDS = 90.0


class AgentStatus(StrEnum):
    """The status that the official CLI prints; its code compares this text."""

    RUNNING = "RUNNING"
    NOT_RUNNING = "NOT_RUNNING"
    UNHEALTHY = "UNHEALTHY"


@dataclass(frozen=True, kw_only=True, slots=True)
class Heartbeat:
    """One agent's newest heartbeat for one deployment."""

    agent_id: str
    deployment: str
    token_id: int
    #: When the server received it.
    received_at: float
    first_received_at: float
    label: str | None
    #: The launcher's class name.
    type: str | None
    version: str | None
    #: The queues that it claims to serve, as far as its token grants them; ``None`` is the default.
    queues: frozenset[str | None]
    #: Whether it takes the requests of all branch deployments.
    branch_deployments: bool
    #: Everything else that it sent, for display.
    metadata: Mapping[str, Any]
    #: Serialized ``CloudRunWorkerStatuses``, or ``None``.
    run_worker_statuses: str | None
    #: Serialized ``TimestampedError`` of the last day.
    errors: tuple[str, ...]
    #: What it says of the code servers of its locations.
    servers: tuple[ServerReport, ...] = ()
    #: The token that it came with, where that is one of a managed pool.
    pool: Token | None = None

    @property
    def key(self) -> AgentKey:
        """Which agent sent it."""
        return AgentKey(self.token_id, self.agent_id)

    def for_deployers(self, queues: frozenset[str | None]) -> Heartbeat:
        """As those see it who may deploy some locations: whether it is there, and for whom.

        What it says of others' locations and runs, in its errors too, is left out.

        Args:
            queues: that they may see.
        """
        return replace(
            self,
            agent_id=hashlib.sha256(self.agent_id.encode()).hexdigest()[:12],
            queues=self.queues & queues,
            metadata={},
            run_worker_statuses=None,
            errors=(),
            servers=(),
        )

    @property
    def is_pool(self) -> bool:
        """Whether a managed pool sent it: its token says so, not what the agent calls itself."""
        return self.pool is not None

    @property
    def pythons(self) -> tuple[str, ...] | None:
        """The Pythons that the managed pool has; ``None`` where that is not known."""
        return pythons_of_tag(self.metadata.get(TAG_KEY)) if self.is_pool else None

    @property
    def walls(self) -> tuple[str, ...] | None:
        """The walls around user code of the managed pool, as words; ``None`` if not known."""
        return walls_of_tag(self.metadata.get(TAG_KEY)) if self.is_pool else None

    def is_alive(self, now: float) -> bool:
        """Whether the agent has sent a heartbeat lately."""
        return now - self.received_at < ALIVE_SECONDS

    def status(self, now: float) -> AgentStatus:
        """The status that the official CLI and UI know."""
        return AgentStatus.RUNNING if self.is_alive(now) else AgentStatus.NOT_RUNNING


def of_deployment(beats: Iterable[Heartbeat], name: str, *, is_branch: bool) -> list[Heartbeat]:
    """One heartbeat of every agent that serves a deployment, in the given order.

    Agents send heartbeats for the deployments that they name. They do not name branch deployments:
    an agent that takes branch deployments counts for all of them. A managed pool serves every
    deployment that its token grants, and names a new one only some seconds after it is made.
    """
    found: dict[AgentKey, Heartbeat] = {}
    for beat in beats:
        own = beat.deployment == name
        in_pool = beat.pool is not None and beat.pool.grants_deployment(name, is_branch=is_branch)
        counts = own or in_pool or (is_branch and beat.branch_deployments)
        if counts and (own or beat.key not in found):
            found[beat.key] = beat
    return list(found.values())


def as_agent(beat: Heartbeat, *, is_branch: bool) -> Agent:
    """The agent of a heartbeat, in the form that routing reads."""
    return Agent(
        name=beat.label or beat.agent_id,
        kind=AgentKind.POOL if beat.is_pool else AgentKind.HYBRID,
        launcher=beat.type,
        queues=beat.queues,
        deployments=frozenset({beat.deployment}) if beat.pool is None else beat.pool.deployments,
        # A heartbeat for a branch deployment proves it as well.
        branch_deployments=is_branch or beat.branch_deployments,
        allowed_full=_by_deployment(beat.metadata.get("allowed_full_deployment_locations")),
        allowed_branch=_names(beat.metadata.get("allowed_branch_deployment_locations")),
    )


def _by_deployment(sent: object) -> Mapping[str, frozenset[str]] | None:
    if not isinstance(sent, Mapping) or not sent:
        # Agents without a limit send an empty object (dagster_cloud_agent.py).
        return None
    return {str(name): frozenset(map(str, names or ())) for name, names in sent.items()}


def _names(sent: object) -> frozenset[str] | None:
    if not isinstance(sent, (list, tuple)) or not sent:
        # Agents without a limit send an empty list, and so do those that accept none.
        return None
    return frozenset(map(str, sent))
