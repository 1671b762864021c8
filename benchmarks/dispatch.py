"""How soon an agent gets a question, with others that are idle beside it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psutil

from benchmarks.costs import Window
from benchmarks.samples import Goal, Sample
from benchmarks.systems import Dagstead, System

SCENARIO = "Dispatch"
PLAN, WEB = "execution plan", "processor of the web server"
_WARM_UP_SECONDS = 6.0
#: Of one token, not more than 500 requests are answered at a time.
_AGENTS_OF_A_TOKEN = 250

GOALS = (
    Goal(scenario=SCENARIO, case="alone", metric=PLAN, system="pool", at_most=30),
    Goal(scenario=SCENARIO, case="1000 idle agents", metric=WEB, system="pool", at_most=50),
)


def plans(systems: Sequence[System], times: int) -> Iterator[Sample]:
    """Ask each system in turn for an execution plan, which a launch needs first."""
    for _ in range(times):
        for system in systems:
            time.sleep(0.05 + time.time() % 0.3)  # noqa: TID251 - a pause between measurements
            yield _sample("alone", system.name, PLAN, "ms", 1000 * system.plan("one_op"))


def idle_agents(plane: Dagstead, count: int, seconds: float) -> Iterator[Sample]:
    """The same beside agents that ask for work as stock agents do, and get none."""
    web = next(
        child
        for child in plane.pool.roots[0].children()
        if "dagstead web" in " ".join(child.cmdline())
    )
    case = f"{count} idle agents"
    with polling(plane, count) as load:
        window = Window([web])
        driver = Window([load])
        while window.seconds < seconds:
            yield _sample(case, "pool", PLAN, "ms", 1000 * plane.pool.plan("one_op"))
            time.sleep(0.2)  # noqa: TID251 - the load is that of the agents
        yield _sample(case, "pool", WEB, "% of a core", window.percent_of_a_core)
        yield _sample(
            case, "pool", "processor of the load", "% of a core", driver.percent_of_a_core
        )


@contextmanager
def polling(plane: Dagstead, count: int) -> Iterator[psutil.Process]:
    """The process of agents that ask for work, from when all of them have connected."""
    tokens = [
        plane.command("token", "create", "--name", f"idle-{count}-{number}", "--kind", "agent")
        for number in range(1 + count // _AGENTS_OF_A_TOKEN)
    ]
    program = [sys.executable, "-m", "benchmarks.idle_agents", plane.url, str(count)]
    with subprocess.Popen(  # noqa: S603 - ours
        program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as load:
        assert load.stdin is not None  # noqa: S101 - asked for above
        assert load.stdout is not None  # noqa: S101 - likewise
        load.stdin.write(f"{' '.join(tokens)}\n")
        load.stdin.flush()
        load.stdout.readline()
        time.sleep(_WARM_UP_SECONDS)  # noqa: TID251 - until their first heartbeats are past
        yield psutil.Process(load.pid)
        if load.poll() is not None:
            sys.exit("The idle agents have ended.")
        load.stdin.close()


def _sample(case: str, system: str, metric: str, unit: str, value: float) -> Sample:
    return Sample(
        scenario=SCENARIO, case=case, system=system, metric=metric, unit=unit, value=value
    )
