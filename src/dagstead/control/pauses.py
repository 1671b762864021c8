"""The pause of a control plane."""

from __future__ import annotations

from dataclasses import dataclass

from dagstead.control.actor import Actor
from dagstead.control.backend import Backend
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.pauses import Pause


@dataclass(frozen=True, slots=True)
class Pauses:
    """Acts that begin a pause and end it.

    In a pause no agent is given a run, and no daemon of Dagster works: queued runs wait, and
    schedules and sensors do not tick. Runs under way go on, and so does everything else; in a pause
    of everything, agents get no work at all, but to end runs.
    """

    _backend: Backend

    def current(self, actor: Actor) -> Pause | None:
        """The pause, ``None`` when there is none."""
        actor.require_system("Looking whether runs are paused")
        return self._backend.store.properties.pause()

    def begin(self, actor: Actor, *, everything: bool = False) -> bool:
        """Begin one; returns whether it is new, or stops more than the one before.

        Args:
            actor: who begins it.
            everything: whether agents get no other work either.

        Raises:
            ForbiddenError: for a limited actor.
        """
        actor.require_organization("Pausing runs")
        pause = Pause(
            since=self._backend.now(),
            reason=f"It was asked for by {actor.name}.",
            everything=everything,
        )
        return self._backend.store.properties.begin_pause(pause)

    def end(self, actor: Actor) -> bool:
        """End it; returns whether there was one.

        Raises:
            ForbiddenError: for a limited actor.
        """
        actor.require_organization("Resuming runs")
        # Nobody could take them meanwhile: the start timeout begins anew.
        self._backend.store.launches.renew_offers(ORGANIZATION)
        return self._backend.store.properties.end_pause()
