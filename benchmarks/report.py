"""The tables that a benchmark prints, and the page in the documentation."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence

from benchmarks.samples import Goal, Sample, Samples


def tables(samples: Samples, goals: Sequence[Goal]) -> Iterator[str]:
    """Lines of Markdown: a table for each scenario, and one for the goals."""
    for scenario in dict.fromkeys(each.scenario for each in samples.all):
        own = [each for each in samples.all if each.scenario == scenario]
        yield from _table(scenario, own)
    yield from _goals(samples, goals)


def facts_line(facts: Mapping[str, str]) -> str:
    """The machine and the versions in a sentence."""
    return "; ".join(f"{name}: {value}" for name, value in facts.items())


def _table(scenario: str, samples: Sequence[Sample]) -> Iterator[str]:
    systems = list(dict.fromkeys(each.system for each in samples))
    yield from ("", f"## {scenario}", "")
    yield f"| | | {' | '.join(systems)} |"
    yield f"|---|---|{'---|' * len(systems)}"
    for case, metric, unit in dict.fromkeys(
        (each.case, each.metric, each.unit) for each in samples
    ):
        cells = [
            _cell(
                [
                    each.value
                    for each in samples
                    if (each.case, each.metric, each.system) == (case, metric, system)
                ]
            )
            for system in systems
        ]
        yield f"| {case} | {metric}, {unit} | {' | '.join(cells)} |"


def _cell(values: Sequence[float]) -> str:
    if not values:
        return ""
    median = _shown(statistics.median(values))
    if len(values) == 1:
        return median
    return f"{median} ({_shown(min(values))} to {_shown(max(values))})"


def _shown(value: float) -> str:
    """With three digits, or all before the point."""
    digits = 2 - math.floor(math.log10(abs(value))) if value else 2
    return f"{value:.{min(max(digits, 0), 2)}f}"


def _goals(samples: Samples, goals: Sequence[Goal]) -> Iterator[str]:
    yield from ("", "## Goals", "", "| | goal | measured | |", "|---|---|---|---|")
    for goal in goals:
        cases = samples.cases(goal.scenario, goal.metric, goal.system)
        for case in cases if goal.case is None else [each for each in cases if each == goal.case]:
            value = samples.ratio(goal, case)
            if value is None:
                continue
            than = f" of {goal.peer}" if goal.peer else ""
            name = f"{goal.scenario}: {case}, {goal.metric}, {goal.system}"
            met = "met" if goal.is_met(value) else "**missed**"
            yield f"| {name} | {goal.words}{than} | {_shown(value)} | {met} |"
