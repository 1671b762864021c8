"""A pause: no run starts and nothing ticks, while everything else goes on, or stops as well."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Pause:
    """The pause of a control plane."""

    #: In seconds since 1970.
    since: float
    #: Why it was begun, as a sentence.
    reason: str
    #: Whether agents get no other work either, but to end runs.
    everything: bool = False

    @property
    def refusal(self) -> str:
        """Why something is not done that agents would do, as a sentence."""
        return (
            f"Agents get no work, as everything is paused. {self.reason} `dagstead resume` ends it."
        )
