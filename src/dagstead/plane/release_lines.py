"""Releases in a list: what is shown of each, without what agents need to load it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from dagstead.plane.releases import OF_OTHERS, Cause, PartState, ReleaseState


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseLine:
    """One release."""

    deployment: str
    number: int
    state: ReleaseState
    cause: Cause
    undoes: int | None
    back_to: int | None
    commit_hash: str | None
    #: Of the CI job, or the commit.
    url: str | None
    by: str | None
    reason: str | None
    created_at: float
    ended_at: float | None
    removes: tuple[str, ...]
    #: The states of its locations, by name.
    parts: Mapping[str, PartState]

    @property
    def failed(self) -> tuple[str, ...]:
        """The locations that did not load."""
        return tuple(name for name, state in self.parts.items() if state is PartState.FAILED)

    @property
    def seconds(self) -> float | None:
        """How long it took; ``None`` while it is open."""
        return None if self.ended_at is None else self.ended_at - self.created_at

    def cut_to(self, is_seen: Callable[[str], bool]) -> ReleaseLine | None:
        """The same without the locations that somebody may not see; ``None`` if none is left."""
        names = {*self.parts, *self.removes}
        if all(map(is_seen, names)):
            return self
        parts = {name: state for name, state in self.parts.items() if is_seen(name)}
        removes = tuple(filter(is_seen, self.removes))
        if not parts and not removes:
            return None
        hides = self.reason and any(name in self.reason for name in names if not is_seen(name))
        reason = OF_OTHERS if hides else self.reason
        return replace(self, parts=parts, removes=removes, reason=reason)
