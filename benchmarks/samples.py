"""What was measured, and what it is compared with."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """One value."""

    scenario: str
    #: What is done, such as ``one op, in process``.
    case: str
    #: Who does it, such as ``pool``.
    system: str
    #: What is measured, such as ``submit to STARTED``.
    metric: str
    #: ``s``, ``ms``, ``MB``, ``%`` of a core, or ``/s``.
    unit: str
    value: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Goal:
    """What a median has to be, or its ratio to that of a peer."""

    scenario: str
    metric: str
    system: str
    #: ``None`` is every case.
    case: str | None = None
    #: Without one, the value itself counts.
    peer: str | None = None
    at_most: float | None = None
    at_least: float | None = None

    def is_met(self, value: float) -> bool:
        """Whether a median or a ratio is what it has to be."""
        return (self.at_most is None or value <= self.at_most) and (
            self.at_least is None or value >= self.at_least
        )

    @property
    def words(self) -> str:
        """Such as ``≤ 0.25``."""
        return f"≤ {self.at_most:g}" if self.at_most is not None else f"≥ {self.at_least:g}"


@dataclass(frozen=True, slots=True)
class Samples:
    """All values, in the order in which they were measured."""

    all: list[Sample] = field(default_factory=list)

    def values(self, scenario: str, case: str, metric: str, system: str) -> Sequence[float]:
        """Those of one cell of a table."""
        cell = (scenario, case, metric, system)
        return [
            each.value
            for each in self.all
            if (each.scenario, each.case, each.metric, each.system) == cell
        ]

    def cases(self, scenario: str, metric: str, system: str) -> Sequence[str]:
        """In which cases something was measured of a system."""
        found = [
            each.case
            for each in self.all
            if (each.scenario, each.metric, each.system) == (scenario, metric, system)
        ]
        return list(dict.fromkeys(found))

    def ratio(self, goal: Goal, case: str) -> float | None:
        """The median that a goal is about, or the median of its ratios to those of the peer.

        Rounds are interleaved: the first value of one is compared with the first of the other.
        """
        own = self.values(goal.scenario, case, goal.metric, goal.system)
        if goal.peer is None:
            return statistics.median(own) if own else None
        others = self.values(goal.scenario, case, goal.metric, goal.peer)
        pairs = [one / other for one, other in zip(own, others, strict=False) if other]
        return statistics.median(pairs) if pairs else None
