"""A clock for tests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class ManualClock:
    """Stands still until it is moved; a :data:`dagstead.plane.clock.Clock`."""

    #: Seconds since 1970; the default is some day in 2033.
    now: float = 2_000_000_000.0

    def __call__(self) -> float:
        """The time it was set to."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Move on."""
        self.now += seconds
