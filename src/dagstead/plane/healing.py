"""How a location that cannot be loaded is tried again: ever more seldom, and for ever.

People see it as being in error all the while; only its agents are to load it anew.
"""

from __future__ import annotations

from dataclasses import dataclass

#: The pauses before the first tries; the last one is repeated.
_PAUSES = (5.0, 10.0, 20.0, 40.0)

#: After so many tries, which take half an hour or more, the code is most likely wrong: each try
#: costs the agent a start of a code server.
BREAKER_TRIES = 40
_BREAKER_PAUSE = 900.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Healing:
    """How often a location was tried again since it fell into error."""

    #: When it fell into error.
    since: float
    #: How many tries were begun.
    tries: int = 0
    #: When the last try ended with an error, or was begun if its outcome is open.
    last_at: float

    @property
    def next_at(self) -> float:
        """When the next try is due."""
        if self.tries >= BREAKER_TRIES:
            return self.last_at + _BREAKER_PAUSE
        return self.last_at + _PAUSES[min(self.tries, len(_PAUSES) - 1)]


@dataclass(frozen=True, kw_only=True, slots=True)
class RefusedCall:
    """A call that an agent could not pass on to the code server of a location."""

    at: float
    reason: str


def failed_again(healing: Healing | None, now: float) -> Healing:
    """The next state after an error."""
    if healing is None:
        return Healing(since=now, last_at=now)
    return Healing(since=healing.since, tries=healing.tries, last_at=now)


def tried_again(healing: Healing | None, now: float) -> Healing:
    """The next state when a try is begun."""
    begun = healing or Healing(since=now, last_at=now)
    return Healing(since=begun.since, tries=begun.tries + 1, last_at=now)
