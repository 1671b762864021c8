"""Callers that were refused: a page for what no other page shows, as nobody let them in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dagstead.control.actor import Actor
from dagstead.control.backend import Backend
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.refused_callers import RefusedCaller


@dataclass(frozen=True, slots=True)
class Callers:
    """Views of callers that were refused."""

    _backend: Backend

    def refused(self, actor: Actor) -> Sequence[RefusedCaller]:
        """Those of the last days, with what they were told; the one seen last comes first.

        Raises:
            ForbiddenError: for a limited actor.
        """
        actor.require_organization("Looking at callers that were refused")
        self._backend.recorder.write_down()
        return self._backend.store.refused_callers.all(ORGANIZATION)

    def purge(self, actor: Actor, older_than_seconds: float) -> int:
        """Forget callers that were not seen for so long; returns how many."""
        actor.require_system("Forgetting callers")
        return self._backend.store.refused_callers.purge(ORGANIZATION, older_than_seconds)
