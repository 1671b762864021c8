"""Pages of the console over a full control plane: a hundred locations, a thousand waiting runs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx

from benchmarks.costs import Window
from benchmarks.samples import Goal, Sample
from tests.support.control_plane import ControlPlane
from tests.support.queued_runs import queue_runs

SCENARIO = "Pages"
P95 = "95 of 100 within"
_LOCATIONS, _RUNS, _QUEUES = 100, 1000, 5
_PAGES = (
    *("", "deployments", "locations", "locations/prod/shop-7", "agents", "queues"),
    *("queues/of/queue-2", "releases", "runs", "requests", "routes", "tokens", "alerts", "trail"),
)

GOALS = (Goal(scenario=SCENARIO, metric=P95, system="dagstead", at_most=200),)


def measure(folder: Path, rounds: int) -> Iterator[Sample]:
    """Open every page in turn, as a person who is signed in."""
    folder.mkdir(parents=True)
    with ControlPlane(folder) as plane:
        _fill(plane)
        taken: dict[str, list[float]] = {page: [] for page in _PAGES}
        headers = {"Dagster-Cloud-Api-Token": plane.user_token("reader"), "accept": "text/html"}
        with httpx.Client(base_url=plane.url, headers=headers, timeout=60, trust_env=False) as http:
            window = Window([plane.web_process])
            for _ in range(rounds):
                for page in _PAGES:
                    begin = time.perf_counter()
                    http.get(f"/-/{page}").raise_for_status()
                    taken[page].append(1000 * (time.perf_counter() - begin))
            used = 1000 * window.processor_seconds / (rounds * len(_PAGES))
    case = f"{_LOCATIONS} locations, {_RUNS} waiting runs"
    for page, times in taken.items():
        of = f"{case}: /-/{page}"
        yield _sample(of, "median", statistics.median(times))
        yield _sample(of, P95, statistics.quantiles(times, n=20)[-1])
    yield _sample(case, "processor of the web server for a page", used)


def _fill(plane: ControlPlane) -> None:
    """Locations on queues that nobody serves, and runs that wait there."""
    with closing(plane.deployment("prod")) as deployment:
        names = [f"shop-{number}" for number in range(_LOCATIONS)]
        for number, name in enumerate(names):
            deployment.deploy(name, "compat_small", queue=f"queue-{number % _QUEUES}")
        for name in names:
            queue_runs(plane, "prod", name, _RUNS // _LOCATIONS)


def _sample(case: str, metric: str, value: float) -> Sample:
    return Sample(
        scenario=SCENARIO, case=case, system="dagstead", metric=metric, unit="ms", value=value
    )
