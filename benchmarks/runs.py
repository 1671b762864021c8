"""From submitting a run to its start and its end, one system after the other in each round."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from benchmarks.costs import Window
from benchmarks.samples import Goal, Sample
from benchmarks.systems import Runner, System

SCENARIO = "Runs"
STARTED, END, PROCESSOR = "submit to STARTED", "submit to SUCCESS", "processor of a run"
#: Names of jobs, with the scenario and the case that they are.
_JOBS = {
    "one_op": (SCENARIO, "one op, in process"),
    "five_ops": (SCENARIO, "five ops, multiprocess"),
    "not_isolated": ("Runs that are not isolated", "one op, in process"),
}

GOALS = tuple(
    Goal(scenario=SCENARIO, metric=metric, system="pool", peer="plain", at_most=0.25)
    for metric in (STARTED, END)
)


def measure(systems: Sequence[Runner], rounds: int, database: str) -> Iterator[Sample]:
    """Run every job in every system that has it, after one run that is not counted."""
    for system in systems:
        system.run("one_op")
    for number in range(rounds):
        turn = number % len(systems)
        for job in _JOBS:
            for system in (*systems[turn:], *systems[:turn]):
                if job in system.jobs:
                    yield from _one(system, job, database)


def _one(system: Runner, job: str, database: str) -> Iterator[Sample]:
    scenario, case = _JOBS[job]
    # The phase of whoever looks once in a second is another one each time.
    time.sleep(0.1 + time.time() % 0.9)  # noqa: TID251 - a pause between two measurements
    window = Window(system.roots)
    times = system.run(job)
    for metric, value in (
        (STARTED, times.to_started),
        (END, times.to_end),
        (PROCESSOR, window.processor_seconds),
    ):
        yield Sample(
            scenario=scenario,
            case=f"{case}; {database}",
            system=system.name,
            metric=metric,
            unit="s",
            value=value,
        )


def burst(systems: Sequence[System], count: int) -> Iterator[Sample]:
    """Submit many runs at once; one system works at a time."""
    for system in systems:
        begin = time.time()
        run_ids = [system.launch("one_op") for _ in range(count)]
        submitted = time.time() - begin
        end = max(system.ended(run_id)["endTime"] for run_id in run_ids) - begin
        for metric, value in (("all submitted", submitted), ("all ended", end)):
            yield Sample(
                scenario="Many runs at once",
                case=f"{count} runs of one op",
                system=system.name,
                metric=metric,
                unit="s",
                value=value,
            )
