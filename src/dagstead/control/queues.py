"""Queues as objects: views of them, and acts that people do on them.

What a queue holds back are **runs that are queued**, when they are taken from the run queue
(``control/run_queue.py``). Requests of agents for everything else go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from dagstead.control import bell
from dagstead.control.actor import Actor
from dagstead.control.backend import Backend
from dagstead.control.queue_facts import QueueFacts
from dagstead.errors import ConflictError, NotFoundError
from dagstead.model.queues import describe_queues, name_queue
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.queue_views import QueueView
from dagstead.plane.queues import (
    FallbackKind,
    Queue,
    QueueChange,
    QueuePause,
    check_own_name,
    check_text,
    check_until,
)

#: Of what uses a queue, so many are named.
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Queues:
    """Acts on queues, and views of them."""

    _backend: Backend

    def all(self, actor: Actor) -> list[QueueView]:
        """Every queue that the actor may see: the default queue first, then by name.

        That is every queue that is an object, that a location is on, that an agent claims, that an
        agent's token grants by its name, or that has runs. Others than those who may see the whole
        organization see the queues of the locations that they may see, and of these deployments'
        agents; what they may not see is left out of lists, and counted where a limit counts it.

        Raises:
            ForbiddenError: for agents, and for user code.
        """
        actor.require_user()
        facts = QueueFacts.of(self._backend, actor)
        return [facts.view(name) for name in facts.names()]

    def get(self, actor: Actor, queue: str | None) -> QueueView:
        """One queue.

        Raises:
            ForbiddenError: for agents and user code; and when a limited actor may not see it,
                whether or not there is one.
            NotFoundError: when there is none of that name, with those that there are.
        """
        actor.require_user()
        facts = QueueFacts.of(self._backend, actor)
        known = facts.names()
        if queue not in known:
            if not facts.sees_all:
                actor.require_organization(f"Looking at {name_queue(queue)}")
            raise _unknown(queue, known)
        return facts.view(queue)

    def set(self, actor: Actor, queue: str | None, change: QueueChange) -> Queue:
        """Change a queue; it is made if nobody has said anything of it yet.

        Raises:
            ForbiddenError: for those who are not editors of all deployments.
            InvalidInputError: when the name, or a value, cannot be.
        """
        actor.require_queues("Changing a queue")
        check_own_name(queue)
        return self._change(actor, queue, change.applied_to)

    def pause(
        self, actor: Actor, queue: str | None, note: str | None, until: float | None
    ) -> Queue:
        """Have the runs of a queue stay queued; another pause takes the place of one before.

        Args:
            actor: who pauses it.
            queue: its name.
            note: why, for people.
            until: when it ends by itself, in seconds since 1970; ``None`` is never.

        Raises:
            ForbiddenError: for those who are not editors of all deployments.
            InvalidInputError: when the name or the note cannot be, or ``until`` is over.
        """
        actor.require_queues("Pausing a queue")
        now = self._backend.now()
        check_own_name(queue)
        check_text("The note", note)
        check_until(until, now)
        pause = QueuePause(by=actor.name, since=now, note=note or None, until=until)
        return self._change(actor, queue, lambda found: replace(found, pause=pause))

    def resume(self, actor: Actor, queue: str | None) -> bool:
        """End the pause of a queue; returns whether there was one.

        Raises:
            ForbiddenError: for those who are not editors of all deployments.
        """
        actor.require_queues("Resuming a queue")
        before = self._backend.store.queues.get(ORGANIZATION, queue)
        if before.pause is None:
            return False
        self._change(actor, queue, lambda found: replace(found, pause=None))
        return before.pause_at(self._backend.now()) is not None

    def remove(self, actor: Actor, queue: str | None) -> None:
        """Forget what was said of a queue: its limit, pause and owner.

        Raises:
            ForbiddenError: for those who are not editors of all deployments.
            NotFoundError: when nothing was said of it.
            ConflictError: while something uses it, with what that is.
        """
        actor.require_queues("Removing a queue")
        facts = QueueFacts.of(self._backend, actor)
        uses = list(_uses(facts, queue)) if queue in facts.made else []
        if uses:
            raise ConflictError(
                f"{name_queue(queue).capitalize()} is in use: {'; '.join(uses)}. Move them to "
                "another queue first; or take away what was said of it, with `dagstead queues set "
                "… --no-limit` and the like."
            )
        if not self._backend.store.queues.remove(ORGANIZATION, queue):
            raise NotFoundError(
                f"Nothing was said of {name_queue(queue)}: it has no limit, pause or owner that "
                "could be removed. See `dagstead queues list`."
            )
        self._backend.bell.ring(bell.queues())

    def _change(self, actor: Actor, queue: str | None, change: Callable[[Queue], Queue]) -> Queue:
        after = self._backend.store.queues.change(ORGANIZATION, queue, change, actor.name)
        self._backend.bell.ring(bell.queues())
        return after


def _uses(facts: QueueFacts, queue: str | None) -> Iterator[str]:
    """What uses a queue, in words."""
    view = facts.view(queue)
    places = [f"{each.deployment}/{each.location}" for each in view.locations]
    labels = [each.label for each in view.agents]
    falling = [
        name_queue(each.name)
        for each in facts.made.values()
        if each.fallback.kind is FallbackKind.QUEUE and each.fallback.queue == queue
    ]
    for one, several, names in (
        ("location", "locations", places),
        ("agent", "agents", labels),
        ("token", "tokens", list(view.tokens)),
        ("the fallback of", "the fallback of", falling),
    ):
        if names:
            yield f"{one if len(names) == 1 else several} {_listed(names)}"
    runs = view.runs.count + view.running
    if runs:
        yield f"{runs} {'run' if runs == 1 else 'runs'}"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    shown = ", ".join(names[:_NAMED])
    return shown if more <= 0 else f"{shown} and {more} more"


def _unknown(queue: str | None, known: Sequence[str | None]) -> NotFoundError:
    wanted = "default queue in use" if queue is None else f"queue {queue!r}"
    return NotFoundError(f"There is no {wanted}. There are: {describe_queues(known)}.")
