"""Compares a control plane with open-source Dagster, prints tables, and writes every value as JSON.

Both run on this machine, in turn. ``QUICK=1`` measures less of everything.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import dispatch, events, idle, machine, pages, runs, startup, ui
from benchmarks.prefect_peer import prefect
from benchmarks.report import facts_line, tables
from benchmarks.samples import Sample, Samples
from benchmarks.systems import Runner, dagstead, plain_dagster
from tests.support.postgres import PostgresCluster

#: A round with a thousand locations is ten thousand questions.
_UI_ROUNDS = 1
_GOALS = (*runs.GOALS, *dispatch.GOALS, *events.GOALS, *pages.GOALS, *idle.GOALS)


@dataclass(frozen=True, kw_only=True, slots=True)
class Size:
    """How much is measured."""

    rounds: int
    plans: int
    idle_agents: tuple[int, ...]
    burst: int
    window_seconds: float
    idle_seconds: float
    databases: tuple[str, ...]
    #: How many have loaded when the UI is opened.
    locations: tuple[int, ...]


_SIZES = {
    "quick": Size(
        rounds=2,
        plans=20,
        idle_agents=(100,),
        burst=10,
        window_seconds=2,
        idle_seconds=10,
        databases=("SQLite",),
        locations=(10,),
    ),
    "whole": Size(
        rounds=3,
        plans=60,
        idle_agents=(1, 10, 100, 1000),
        burst=200,
        window_seconds=3,
        idle_seconds=20,
        databases=("SQLite", "Postgres"),
        locations=(10, 100, 1000),
    ),
}


def main() -> None:
    """Measure, print, and write."""
    options = _options()
    size = _SIZES["quick" if os.environ.get("QUICK") else "whole"]
    samples = Samples()
    try:
        with tempfile.TemporaryDirectory(prefix="dagstead-bench-") as folder:
            for name, measure in _SCENARIOS.items():
                if not options.only or name in options.only:
                    sys.stderr.write(f"{name} …\n")
                    for sample in measure(Path(folder), size):
                        samples.all.append(sample)
    finally:
        _report(samples, options)


def _report(samples: Samples, options: argparse.Namespace) -> None:
    facts = machine.facts()
    text = "\n".join([facts_line(facts), *tables(samples, _GOALS), ""])
    sys.stdout.write(text)
    values = {"machine": dict(facts), "samples": [asdict(each) for each in samples.all]}
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(values, indent=1), encoding="utf-8")
    sys.stderr.write(f"Every value is in {options.json}.\n")
    if options.page:
        head = options.page.read_text(encoding="utf-8").partition(_MARK)[0]
        options.page.write_text(f"{head}{_MARK}\n\n{text}", encoding="utf-8")


#: What comes behind it in the page of the documentation is this program's output.
_MARK = "<!-- measured -->"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*", choices=[[], *_SCENARIOS], help="scenarios; all of them")
    parser.add_argument("--json", type=Path, default=Path("build/bench.json"))
    parser.add_argument("--page", type=Path, help="a page whose tables are replaced")
    return parser.parse_args()


@contextmanager
def _databases(name: str) -> Iterator[tuple[str | None, str | None]]:
    """One for a control plane and one for open-source Dagster; ``None`` is SQLite's files."""
    if name == "SQLite":
        yield None, None
        return
    # Both write what they acknowledge, as in production.
    cluster = PostgresCluster.create(durable=True)
    try:
        with cluster.database() as ours, cluster.database() as theirs:
            # Open-source Dagster's driver, whatever others are installed.
            yield ours, theirs.replace("postgresql://", "postgresql+psycopg2://")
    finally:
        cluster.remove()


def _starts(folder: Path, size: Size) -> Iterator[Sample]:
    return startup.starts(folder, size.rounds)


def _pages(folder: Path, size: Size) -> Iterator[Sample]:
    return pages.measure(folder / "pages", size.plans)


def _ui(folder: Path, size: Size) -> Iterator[Sample]:
    return ui.measure(folder / "ui", size.locations, min(size.rounds, _UI_ROUNDS))


def _events(folder: Path, size: Size) -> Iterator[Sample]:
    for name in size.databases:
        with (
            _databases(name) as (ours, theirs),
            events.storages(folder / f"events-{name}", ours, theirs) as places,
        ):
            yield from events.measure(places, size.rounds, size.window_seconds, name)


def _systems(folder: Path, size: Size) -> Iterator[Sample]:
    for name in size.databases:
        with ExitStack() as stack:
            ours, theirs = stack.enter_context(_databases(name))
            own = folder / f"systems-{name}"
            plain = stack.enter_context(plain_dagster(own / "plain", database=theirs))
            plane = stack.enter_context(dagstead(own / "dagstead", database=ours))
            systems = (plain, plane.pool, plane.hybrid)
            if name == "SQLite":
                # Before any run: for some minutes after one, a process waits for the next.
                yield from idle.measure(systems[:2], size.idle_seconds)
            yield from _runs(own, systems, size.rounds, name)
            if name == "SQLite":
                yield from runs.burst(systems[:2], size.burst)
                yield from dispatch.plans(systems, size.plans)
                for count in size.idle_agents:
                    yield from dispatch.idle_agents(plane, count, size.idle_seconds)
                yield from startup.deploys(plane, size.rounds)
                yield from idle.many(plane, size.idle_seconds)


def _runs(folder: Path, systems: Sequence[Runner], rounds: int, database: str) -> Iterator[Sample]:
    if database != "SQLite":
        yield from runs.measure(systems, rounds, database)
        return
    with prefect(folder / "prefect") as peer:
        yield from runs.measure((*systems, peer), rounds, database)


_SCENARIOS: dict[str, Callable[[Path, Size], Iterator[Sample]]] = {
    "starts": _starts,
    "events": _events,
    "pages": _pages,
    "ui": _ui,
    "systems": _systems,
}


if __name__ == "__main__":
    main()
