"""What a control plane costs that has nothing to do, and one with many deployments without code."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from dagster_cloud_cli.gql import CREATE_OR_UPDATE_BRANCH_DEPLOYMENT

from benchmarks.costs import Window, memory_megabytes
from benchmarks.samples import Goal, Sample
from benchmarks.systems import Dagstead, System

SCENARIO = "Idle"
PROCESSOR, MEMORY = "processor", "memory"
ONE = "one deployment"
MANY = "5 full and 20 branch deployments more, what they add"
_FULL, _BRANCHES = 5, 20
_MOST_MEGABYTES = 2 * (_FULL + _BRANCHES)
#: What was started or made a moment ago begins its work.
_SETTLE_SECONDS = 10.0

GOALS = (
    Goal(scenario=SCENARIO, case=ONE, metric=PROCESSOR, system="pool", at_most=2),
    Goal(scenario=SCENARIO, case=ONE, metric=MEMORY, system="pool", at_most=500),
    Goal(scenario=SCENARIO, case=MANY, metric=PROCESSOR, system="pool", at_most=3),
    Goal(scenario=SCENARIO, case=MANY, metric=MEMORY, system="pool", at_most=_MOST_MEGABYTES),
)


def measure(systems: Sequence[System], seconds: float) -> Iterator[Sample]:
    """Each of them with one location; all run side by side."""
    time.sleep(_SETTLE_SECONDS)  # noqa: TID251 - nothing tells when they have settled
    windows = {system.name: Window(system.roots) for system in systems}
    time.sleep(seconds)  # noqa: TID251 - nothing is to happen
    shares = {name: window.percent_of_a_core for name, window in windows.items()}
    for system in systems:
        yield _sample(ONE, system.name, PROCESSOR, "% of a core", shares[system.name])
        yield _sample(ONE, system.name, MEMORY, "MB", memory_megabytes(system.roots))


def many(plane: Dagstead, seconds: float) -> Iterator[Sample]:
    """Make more deployments; what they add to what there was."""
    before_memory = memory_megabytes(plane.pool.roots)
    before = _share(plane.pool, seconds)
    for number in range(_FULL):
        plane.command("deployment", "create", f"empty-{number}")
    for number in range(_BRANCHES):
        branch = {"repoName": "shop", "branchName": f"empty-{number}"}
        commit = {"commitHash": "0" * 40, "timestamp": time.time()}
        plane.pool.ask(CREATE_OR_UPDATE_BRANCH_DEPLOYMENT, branchData=branch, commit=commit)
    time.sleep(_SETTLE_SECONDS)  # noqa: TID251 - nothing tells when they have settled
    more = _share(plane.pool, seconds) - before
    added = memory_megabytes(plane.pool.roots) - before_memory
    yield _sample(MANY, "pool", PROCESSOR, "% of a core", more)
    yield _sample(MANY, "pool", MEMORY, "MB", added)


def _share(system: System, seconds: float) -> float:
    window = Window(system.roots)
    time.sleep(seconds)  # noqa: TID251 - nothing is to happen
    return window.percent_of_a_core


def _sample(case: str, system: str, metric: str, unit: str, value: float) -> Sample:
    return Sample(
        scenario=SCENARIO, case=case, system=system, metric=metric, unit=unit, value=value
    )
