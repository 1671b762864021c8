"""The trail: views for those who administer, and what the control plane does to keep it."""

from __future__ import annotations

from dataclasses import dataclass

from dagstead.control.actor import Actor
from dagstead.control.backend import Backend
from dagstead.plane.trail import Head, Row, TrailFilter
from dagstead.plane.trail_chain import Verification

#: How long an act may take until it counts as one whose process has ended.
_LONGEST_ACT_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Trail:
    """Views of what was done, and acts that keep the trail. Nothing in it is ever changed."""

    _backend: Backend

    def find(self, actor: Actor, wanted: TrailFilter) -> list[Row]:
        """Rows, the newest first.

        Raises:
            ForbiddenError: for a limited actor.
        """
        actor.require_organization("Looking at the trail")
        self._backend.recorder.write_down()
        return self._backend.store.trail.find(wanted)

    def verify(self, actor: Actor, noted: Head | None = None) -> tuple[Verification, Head]:
        """Whether no row is missing, changed or put in; and the end of the chain.

        Args:
            actor: asks for it.
            noted: an end of the chain that somebody noted earlier.

        Raises:
            ForbiddenError: for a limited actor.
        """
        actor.require_organization("Verifying the trail")
        return self._backend.store.trail.verify(noted)

    def prune(self, actor: Actor, older_than_seconds: float) -> int:
        """Remove rows that are too old and have arrived everywhere; returns how many."""
        actor.require_system("Removing old rows of the trail")
        store = self._backend.store.trail
        arrived = [sink.position for sink in store.sinks()]
        return store.prune(older_than_seconds, min(arrived, default=None))

    def settle(self, actor: Actor) -> int:
        """Add rows for acts whose processes ended meanwhile; returns how many."""
        actor.require_system("Settling the trail")
        return len(self._backend.store.trail.settle(_LONGEST_ACT_SECONDS))

    def write_down(self, actor: Actor, *, all_of_them: bool = False) -> None:
        """Add rows for refusals that were counted, before this process ends or an hour later."""
        actor.require_system("Writing down refusals")
        self._backend.recorder.write_down(all_of_them=all_of_them)

    def keep_sinks(self, actor: Actor, names: frozenset[str]) -> None:
        """Send the trail to these places, and to no others."""
        actor.require_system("Choosing where the trail is sent")
        self._backend.store.trail.keep_sinks(names)

    def waiting(self, actor: Actor, sink: str, limit: int) -> list[Row]:
        """The next rows for a place, the oldest first."""
        actor.require_system("Sending the trail")
        store = self._backend.store.trail
        position = next((each.position for each in store.sinks() if each.name == sink), None)
        return [] if position is None else store.after(position, limit)

    def note_sent(self, actor: Actor, sink: str, last: Row) -> None:
        """Record that rows have arrived, up to one."""
        actor.require_system("Sending the trail")
        self._backend.store.trail.note_sent(sink, last.seq)

    def note_failing(self, actor: Actor, sink: str, fault: str) -> None:
        """Record that a place does not take rows."""
        actor.require_system("Sending the trail")
        self._backend.store.trail.note_failing(sink, fault)
