"""Everything that is known of queues, read at one time, as far as an actor may see it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from dagstead.control.actor import Actor
from dagstead.control.backend import Backend
from dagstead.control.roster import Roster
from dagstead.plane.agent_keys import AgentKey
from dagstead.plane.agents import Heartbeat
from dagstead.plane.deployments import Deployment
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.queue_views import (
    Backlog,
    QueueAgent,
    QueuedLocation,
    QueueView,
    SlotHolder,
)
from dagstead.plane.queues import Queue
from dagstead.plane.tokens import Token
from dagstead.store.queues import WaitingAt

_MINUTES = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueFacts:
    """What is known of all queues."""

    actor: Actor
    now: float
    #: By name, those that are objects.
    made: Mapping[str | None, Queue]
    #: The deployments that the actor may see.
    deployments: Mapping[str, Deployment]
    #: By queue, those that the actor may see.
    locations: Mapping[str | None, Sequence[QueuedLocation]]
    roster: Roster
    requests: WaitingAt
    runs: WaitingAt
    #: By queue, all that there are.
    holders: Mapping[str | None, Sequence[SlotHolder]]
    dispatched: Mapping[tuple[str | None, str], Mapping[int, int]]

    @classmethod
    def of(cls, backend: Backend, actor: Actor) -> Self:
        """What the store knows now."""
        store = backend.store
        deployments = {each.name: each for each in store.deployments.all() if actor.grants(each)}
        placed = store.queues.locations(ORGANIZATION)
        return cls(
            actor=actor,
            now=backend.now(),
            made={queue.name: queue for queue in store.queues.all(ORGANIZATION)},
            deployments=deployments,
            locations={
                name: seen
                for name, every in placed.items()
                if (seen := [each for each in every if _is_seen(each, actor, deployments)])
            },
            roster=Roster.of(backend),
            requests=store.queues.waiting_requests(ORGANIZATION),
            runs=store.queues.waiting_runs(ORGANIZATION),
            holders=store.queues.holders(ORGANIZATION),
            dispatched=store.queues.dispatched(ORGANIZATION, _MINUTES),
        )

    @property
    def sees_all(self) -> bool:
        """Whether the actor may see what concerns the whole organization."""
        return self.actor.sees_organization

    def names(self) -> list[str | None]:
        """The queues that the actor may see: the default queue first, then by name."""
        found: set[str | None] = set(self.locations)
        if not self.actor.is_of_locations:
            found |= {queue for queue, place in self.runs if place in self.deployments}
            found |= {
                queue
                for queue, holders in self.holders.items()
                if any(each.deployment in self.deployments for each in holders)
            }
        if self.sees_all:
            found |= set(self.made)
            found |= {queue for beat in self.roster.living for queue in beat.queues}
            found |= {queue for token in self._tokens() for queue in token.queues or ()}
        named = sorted(queue for queue in found if queue is not None)
        return [*([None] if None in found else []), *named]

    def view(self, name: str | None) -> QueueView:
        """One of them."""
        beats = self._beats(name)
        holders = self.holders.get(name, ())
        return QueueView(
            queue=self.made.get(name) or Queue(name=name),
            at=self.now,
            agents=self._agents(beats),
            unserved_since=self._unserved_since(name, beats),
            locations=tuple(self.locations.get(name, ())),
            tokens=self.tokens_of(name),
            requests=self._waiting(self.requests, name),
            runs=self._waiting(self.runs, name),
            running=len(holders),
            holders=tuple(each for each in holders if self._shows_runs_of(each.deployment)),
            dispatched=self._dispatched(name),
        )

    def tokens_of(self, name: str | None) -> tuple[str, ...]:
        """The names of valid agent tokens that grant a queue by its name."""
        if not self.sees_all:
            return ()
        found = [each.name for each in self._tokens() if name in (each.queues or ())]
        return tuple(sorted(found))

    def _tokens(self) -> Iterable[Token]:
        return (
            each
            for each in self.roster.tokens
            if each.is_valid_at(self.now) and each.queues is not None and each.worker is None
        )

    def _shows_runs_of(self, deployment: str) -> bool:
        return deployment in self.deployments and not self.actor.is_of_locations

    def _beats(self, name: str | None) -> list[Heartbeat]:
        """The heartbeats of live agents that claim a queue, for deployments that are seen."""
        return [
            beat
            for beat in self.roster.living
            if name in beat.queues and (self.sees_all or beat.deployment in self.deployments)
        ]

    def _agents(self, beats: Sequence[Heartbeat]) -> tuple[QueueAgent, ...]:
        by_agent: dict[AgentKey, list[Heartbeat]] = {}
        for beat in beats:
            by_agent.setdefault(beat.key, []).append(beat)
        return tuple(self._agent(every) for every in by_agent.values())

    def _agent(self, beats: Sequence[Heartbeat]) -> QueueAgent:
        newest = beats[0]
        shown = newest.for_deployers(newest.queues) if self.actor.is_of_locations else newest
        return QueueAgent(
            id=shown.agent_id,
            label=shown.label or shown.agent_id,
            type=shown.type,
            is_pool=newest.is_pool,
            version=shown.version,
            deployments=tuple(sorted({beat.deployment for beat in beats} & set(self.deployments))),
        )

    def _unserved_since(self, name: str | None, beats: Sequence[Heartbeat]) -> float | None:
        if beats:
            return None
        heard = [
            self.roster.heard_at(beat)
            for beat in self.roster.beats
            if name in beat.queues and (self.sees_all or beat.deployment in self.deployments)
        ]
        wanted = [each.since for each in self.locations.get(name, ())]
        runs = self._waiting(self.runs, name).oldest_at
        # Where none ever served it, since something on it wants to be served.
        return max(heard, default=min([*wanted, *([] if runs is None else [runs])], default=None))

    def _waiting(self, every: WaitingAt, name: str | None) -> Backlog:
        found = Backlog()
        for (queue, place), waiting in every.items():
            if queue == name and place in self.deployments:
                found = found.with_more(waiting)
        return found

    def _dispatched(self, name: str | None) -> tuple[int, ...]:
        counts = [0] * _MINUTES
        for (queue, place), minutes in self.dispatched.items():
            if queue == name and place in self.deployments:
                for ago, number in minutes.items():
                    if ago < _MINUTES:
                        counts[_MINUTES - 1 - ago] += number
        return tuple(counts)


def _is_seen(each: QueuedLocation, actor: Actor, deployments: Mapping[str, Deployment]) -> bool:
    return each.deployment in deployments and actor.sees_location(each.location)
