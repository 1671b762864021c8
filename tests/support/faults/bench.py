"""One round: runs are launched, something fails while they work, and what became of them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar
from uuid import uuid4

import psutil

from dagstead.plane.launch_machine.machine import ASKING_TIMES
from dagstead.testing.waiting import DeadlinePassedError, eventually
from tests.support.deployment import ENDED
from tests.support.faults.faults import Fault
from tests.support.faults.places import (
    DEPLOYMENT,
    HYBRID,
    NOT_YET,
    MakePlace,
    Place,
)
from tests.support.faults.targets import Situation, Target, workers
from tests.support.faults.ticks import wrong_ticks
from tests.support.faults.verdicts import Blow, Failure, Round, Trace, judge

T = TypeVar("T")

#: How often the fault of every cell comes.
ROUNDS = int(os.environ.get("FAULT_ROUNDS", "1"))

#: Every run ends within this time after it can be known that it has to.
PROMISED_SECONDS = 60.0
#: Of a run that nothing happens to: five of them start on two busy cores.
USUAL_SECONDS = 40.0
#: Until a new run is accepted.
HEALING_SECONDS = 60.0
_REACH_SECONDS = 120.0
_MINUTE = 60.0


@dataclass(frozen=True, kw_only=True)
class Launched:
    """A run, and the folder that its op leaves its traces in."""

    run_id: str
    location: str
    folder: Path

    @property
    def begun(self) -> int:
        """How often its op began."""
        return len(list(self.folder.glob("began-*")))

    @property
    def lines(self) -> int | None:
        """How many lines its op logged, if it came to its end."""
        with suppress(FileNotFoundError, ValueError):
            return int((self.folder / "lines").read_text(encoding="utf-8"))
        return None

    def open_gate(self) -> None:
        """Let its op come to its end."""
        (self.folder / "gate").touch()


Moment = Callable[[Place, Sequence[Launched]], None]


def launched(_place: Place, _runs: Sequence[Launched]) -> None:
    """As soon as the runs have been accepted."""


def starting(place: Place, runs: Sequence[Launched]) -> None:
    """Every run has left the run queue, and its worker is about to start."""
    _wait_for(runs, lambda run: _status(place, run) != "QUEUED", "to have left the queue")


def running(_place: Place, runs: Sequence[Launched]) -> None:
    """The op of every run is under way."""
    _wait_for(runs, lambda run: run.begun > 0, "to be under way")


def watched(place: Place, runs: Sequence[Launched]) -> None:
    """The workers of isolated agents have asked for their runs so often that they are missed."""
    running(place, runs)
    asking = [run for run in runs if run.location == HYBRID]
    _wait_for(asking, lambda run: _asked_times(place, run) >= ASKING_TIMES, "to be asked for")


@dataclass(frozen=True, kw_only=True)
class Cell(Generic[T]):
    """One cell of the matrix."""

    place: MakePlace
    moment: Moment
    fault: Fault[T]
    target: Target[T]
    #: How long the fault lasts, if it is not over at once.
    seconds: float = 0.0
    #: The location of the run that the fault hits, if it hits one run.
    victim: str | None = None
    #: What becomes of the victim; None is success, which is what becomes of all others.
    fate: Failure | None = None
    #: How runs of the official agent may end as well: one that is killed between the gate and the
    #: start of a worker has begun a run that nobody starts again.
    tolerated: Failure | None = None
    #: When at the latest it can be known what became of the runs, after the end of the fault.
    knowable_seconds: float = 0.0
    job: str = "working"
    #: Whether `make test-thorough` plays it, too.
    everyday: bool = False

    @property
    def rounds(self) -> Sequence[int]:
        """How often the fault comes in every round.

        Runs that outlive it meet it again and again, which is harder than once, and cheaper. Not
        those that last a minute: one after the other would keep schedules from more ticks than
        they make up for.
        """
        outlived = self.moment is running and self.fate is None and self.seconds < _MINUTE
        return [ROUNDS] if outlived else [1] * ROUNDS

    @property
    def name(self) -> str:
        """Such as ``up_on_sqlite-running-stop-30s-web``."""
        lasting = [f"{self.seconds:g}s"] if self.seconds else []
        victim = [f"of-{self.victim}"] if self.victim else []
        words = (self.place, self.moment, self.fault)
        return "-".join(
            [*(each.__name__ for each in words), *lasting, self.target.__name__, *victim]
        )


def play(cell: Cell[Any], place: Place, times: int) -> Round:
    """Play one round. What hangs at the end of it is cleared away.

    Args:
        cell: its fault comes while runs are under way.
        place: where.
        times: how often it comes, before the runs may end.
    """
    begin = time.time()
    load = place.runs.launchers if cell.victim else place.runs.load
    runs = [launch(place, location, cell.job) for location in load]
    victim = next((each for each in runs if each.location == cell.victim), None)
    cell.moment(place, runs)
    hit = (victim or runs[0]).run_id
    blows = [_blow(cell, place, hit) for _ in range(times - 1)]
    blows.append(_blow(cell, place, hit, last_of=runs))
    verdicts = [
        judge(
            trace(place, run, ended),
            cell.fate if run is victim else None,
            cell.tolerated if run.location == HYBRID else None,
        )
        for blow in blows
        for run, ended in blow.runs
    ]
    for run in runs:
        clear_away(run)
    return Round(
        ticks=wrong_ticks(place, begin, time.time()),
        verdicts=verdicts,
        blows=[Blow(refused=blow.refused, healed_seconds=blow.healed_seconds) for blow in blows],
    )


@dataclass(frozen=True, kw_only=True)
class _Blow:
    """One fault, and what ended after it."""

    #: With the seconds after the fault; None for those that did not end.
    runs: Sequence[tuple[Launched, float | None]]
    refused: dict[str, str]
    healed_seconds: float | None


def _blow(cell: Cell[Any], place: Place, hit: str, *, last_of: Sequence[Launched] = ()) -> _Blow:
    """Let the fault come once, and new runs after it; the runs that it is the last of may end."""
    with cell.fault(cell.target(Situation(place=place, victim=hit))):
        time.sleep(cell.seconds)  # noqa: TID251 - the fault lasts so long
    over = time.monotonic()
    for run in last_of:
        run.open_gate()
    probes, refused = _probes(place)
    patience = cell.knowable_seconds + USUAL_SECONDS + PROMISED_SECONDS
    ended = await_ends(place, [*last_of, *probes], over, patience)
    healed = [ended.get(each.run_id) for each in probes]
    return _Blow(
        runs=[(run, ended.get(run.run_id)) for run in [*last_of, *probes]],
        refused=refused,
        healed_seconds=None if refused or None in healed else max(filter(None, healed)),
    )


def launch(place: Place, location: str, job: str) -> Launched:
    """Launch a run whose op waits for its gate."""
    name = uuid4().hex
    folder = place.backend.gates(place.folder, DEPLOYMENT) / name
    folder.mkdir()
    # Code of the pool may run as another user.
    folder.chmod(0o777)
    tags = {"witness": f"{place.backend.gates_for_code(place.folder)}/{name}"}
    run_id = place.deployment.launch(location, job, tags=tags)
    return Launched(run_id=run_id, location=location, folder=folder)


def _probes(place: Place) -> tuple[list[Launched], dict[str, str]]:
    """A new run of every location, whose op has nothing to wait for; and who refused one."""
    deadline = time.monotonic() + HEALING_SECONDS
    probes, refused = [], {}
    for location in place.runs.launchers:
        left = max(0, deadline - time.monotonic())
        try:
            probe = eventually(
                partial(launch, place, location, "working"),
                left,
                f"a launch of {location}",
                retry_on=NOT_YET,
            )
        except DeadlinePassedError as error:
            refused[location] = str(error.__cause__)
        else:
            probe.open_gate()
            probes.append(probe)
    return probes, refused


def await_ends(
    place: Place, runs: Sequence[Launched], over: float, patience: float
) -> dict[str, float]:
    """When runs ended, in seconds after the fault; those that did not are not in it."""
    ended: dict[str, float] = {}

    def look() -> bool:
        for run in runs:
            if run.run_id not in ended and _status(place, run) in ENDED:
                ended[run.run_id] = time.monotonic() - over
        return len(ended) == len(runs)

    with suppress(DeadlinePassedError):
        eventually(look, over + patience - time.monotonic(), "the ends of all runs")
    return ended


def trace(place: Place, run: Launched, ended: float | None) -> Trace:
    """What is known of a run, which ended so many seconds after the fault, or did not."""
    events: list[dict[str, Any]] = []
    messages = status = ""

    def look() -> bool:
        nonlocal events, messages, status
        events = place.deployment.events(run.run_id)
        messages = place.deployment.messages(run.run_id)
        status = place.deployment.run(run.run_id)["status"]
        return True

    eventually(look, PROMISED_SECONDS, f"the events of {run.run_id}", retry_on=NOT_YET)
    return Trace(
        run_id=run.run_id,
        location=run.location,
        # One that ended after the deadline hung.
        status=status if ended is not None or status not in ENDED else f"{status}, too late",
        events=events,
        begun=run.begun,
        lines=run.lines,
        messages=messages,
    )


def _status(place: Place, run: Launched) -> str:
    """The status of a run; ``unknown`` while nobody can say."""
    try:
        found: str = place.deployment.run(run.run_id)["status"]
    except NOT_YET:
        return "unknown"
    return found


def _asked_times(place: Place, run: Launched) -> int:
    launch = place.plane.store.launches.newest(DEPLOYMENT, run.run_id)
    return launch.asked_times if launch else 0


def _wait_for(runs: Sequence[Launched], reached: Callable[[Launched], bool], what: str) -> None:
    eventually(lambda: all(map(reached, runs)), _REACH_SECONDS, f"all runs {what}")


def clear_away(run: Launched) -> None:
    """Let nothing of it disturb the next round."""
    for process in workers(run.run_id):
        with suppress(psutil.NoSuchProcess):
            process.kill()
