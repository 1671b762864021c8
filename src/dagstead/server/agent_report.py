"""Agents for people: one row an agent, from its heartbeats for all deployments."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from dagstead.model.queues import describe_queue
from dagstead.plane.agents import AgentStatus, Heartbeat
from dagstead.store.all import Store


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentRow:
    """One agent."""

    agent_id: str
    label: str
    status: AgentStatus
    queues: list[str]
    deployments: list[str]
    version: str | None
    type: str | None
    #: The name of the token that it uses.
    token: str | None
    #: Seconds since 1970.
    last_heartbeat: float
    #: How many errors its newest heartbeat has.
    errors: int


def report(store: Store) -> list[AgentRow]:
    """All agents that were heard of in the last days, the latest heard first."""
    beats: dict[str, list[Heartbeat]] = defaultdict(list)
    for beat in store.agents.all():
        beats[beat.agent_id].append(beat)
    tokens = {token.id: token.name for token in store.tokens.all()}
    now = store.clock()
    return [_row(of_agent, tokens, now) for of_agent in beats.values()]


def _row(beats: list[Heartbeat], tokens: dict[int, str], now: float) -> AgentRow:
    newest = beats[0]
    return AgentRow(
        agent_id=newest.agent_id,
        label=newest.label or newest.agent_id,
        status=newest.status(now),
        queues=[describe_queue(queue) for queue in sorted(newest.queues, key=lambda q: q or "")],
        deployments=sorted(beat.deployment for beat in beats if beat.is_alive(now))
        or [newest.deployment],
        version=newest.version,
        type=newest.type,
        token=tokens.get(newest.token_id),
        last_heartbeat=newest.received_at,
        errors=max(len(beat.errors) for beat in beats),
    )
