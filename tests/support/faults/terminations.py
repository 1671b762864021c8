"""Runs that somebody ends at any moment of their lives."""

from __future__ import annotations

import time
from collections.abc import Sequence
from random import Random
from typing import Any

from dagstead.testing.waiting import DeadlinePassedError, eventually
from tests.support.faults.bench import (
    PROMISED_SECONDS,
    Launched,
    await_ends,
    clear_away,
    launch,
    trace,
)
from tests.support.faults.places import Place
from tests.support.faults.targets import workers

#: Queued, launched, starting, running: a run of the bench is all of these within this time.
_LIFE_SECONDS = 20.0
#: A worker writes the end of its run, and then ends itself.
_WORKER_SECONDS = 30.0
#: An op is interrupted between two lines of it; clocks of files and events differ a little.
_LAST_LINE_SECONDS = 1.5


def terminate_at_random_moments(place: Place, chance: Random) -> Sequence[str]:
    """Launch a few runs, terminate all of them; what must not be, in words."""
    runs = [launch(place, location, "working") for location in place.runs.load]
    begin = time.monotonic()
    moments = sorted(chance.uniform(0, _LIFE_SECONDS) for _ in runs)
    for run, moment in zip(chance.sample(runs, len(runs)), moments, strict=True):
        left = max(0, begin + moment - time.monotonic())
        time.sleep(left)  # noqa: TID251 - until a random moment
        place.deployment.terminate(run.run_id)
    ended = await_ends(place, runs, time.monotonic(), PROMISED_SECONDS)
    complaints = [
        f"{run.location} {run.run_id}: {words}"
        for run in runs
        for words in _wrong(place, run, ended.get(run.run_id))
    ]
    for run in runs:
        clear_away(run)
    return complaints


def _wrong(place: Place, run: Launched, ended: float | None) -> Sequence[str]:
    found = trace(place, run, ended)
    if found.status != "CANCELED":
        return [f"{found.status} instead of CANCELED: {found.last_words}"]
    wrong = []
    try:
        eventually(lambda: not workers(run.run_id), _WORKER_SECONDS, "the end of its worker")
    except DeadlinePassedError:
        wrong.append("its worker has not ended")
    late = _last_sign_of_life(run) - _end_of(found.events)
    if late > _LAST_LINE_SECONDS:
        wrong.append(f"it still worked {late:.0f} s after its end")
    return wrong


def _last_sign_of_life(run: Launched) -> float:
    return max((file.stat().st_mtime for file in run.folder.iterdir()), default=0.0)


def _end_of(events: Sequence[dict[str, Any]]) -> float:
    [end] = [each for each in events if each["__typename"] == "RunCanceledEvent"]
    return float(end["timestamp"]) / 1000
