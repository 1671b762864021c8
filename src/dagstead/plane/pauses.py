"""A pause: no run starts and nothing ticks, while everything else goes on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Pause:
    """The pause of a control plane."""

    #: In seconds since 1970.
    since: float
    #: Why it was begun, as a sentence.
    reason: str
