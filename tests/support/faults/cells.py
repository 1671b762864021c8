"""The matrix: a new cell is a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tests.support.faults import faults, targets
from tests.support.faults.bench import Cell, Moment, launched, running, starting, watched
from tests.support.faults.faults import Fault, Processes
from tests.support.faults.places import (
    HYBRID,
    LOCAL,
    PEX,
    START_SECONDS,
    MakePlace,
    apart_on_postgres,
    apart_on_small_disk,
    two_daemons_on_postgres,
    two_daemons_on_sqlite,
    up_on_small_disk,
    up_on_sqlite,
)
from tests.support.faults.targets import T, Target
from tests.support.faults.verdicts import Failure

BOTH_PLACES = (up_on_sqlite, apart_on_postgres)
BOTH_MOMENTS = (starting, running)

_AGENT = (targets.agent,)
_PARTS = (targets.web, targets.daemon, targets.pool)
_PARENTS = (*_PARTS, *_AGENT)
_CODE_SERVERS = (targets.pool_code_servers, targets.agents_code_servers)
_SUPERVISOR = (targets.supervisor, targets.everything)
_LINES_TO_DATABASE = (targets.line_of_web, targets.line_of_daemon)

#: What the exit of a process of the pool says, and how long its heartbeats may take to say it.
_KILLED = Failure(r"was killed by signal 9")
EXIT_SECONDS = 60
#: A worker of an agent with `isolated_agents` asks for its run every ten seconds.
_SILENT = Failure(r"it asked for its run every ten seconds")
_SILENT_SECONDS = 70
#: Nothing is known of it before its first word: the limit of the deployment ends the run.
_NO_WORD = Failure(r"began it \d+ seconds ago, and its worker never reported")
#: Dagster's own, of a run whose steps are processes.
_STEP = Failure(r"child process for step work .*signal 9")
#: An agent counts as gone, and its launches go to another one.
_GONE_SECONDS = 90

#: Of `make test`, which kills web servers, daemons, agents and workers in tests of their own.
_EVERYDAY = frozenset({"apart_on_postgres-running-restart-3s-postgres"})


def cells(
    fault: Fault[T],
    *hit: Target[T],
    places: Sequence[MakePlace] = (up_on_sqlite,),
    moments: Sequence[Moment] = (running,),
    **more: Any,
) -> list[Cell[Any]]:
    """Every combination of what may fail; ``more`` are fields of their cells."""
    return [
        Cell(place=place, moment=moment, fault=fault, target=target, **more)
        for place in places
        for moment in moments
        for target in hit
    ]


def victims(
    moment: Moment, hit: Target[Processes], fates: dict[str, tuple[Failure, int]], **more: Any
) -> list[Cell[Any]]:
    """Cells that kill a process of one run: its location, its reason, and when that is known."""
    return [
        cell
        for location, (fate, seconds) in fates.items()
        for cell in cells(
            faults.kill,
            hit,
            moments=[moment],
            victim=location,
            fate=fate,
            knowable_seconds=seconds,
            **more,
        )
    ]


_TABLE: Sequence[Cell[Any]] = [
    *cells(faults.nothing, targets.whole, places=BOTH_PLACES),
    # Parents of runs, and everything between.
    *cells(faults.kill, *_PARTS, places=BOTH_PLACES),
    *cells(faults.kill, targets.web, targets.daemon, places=BOTH_PLACES, moments=[starting]),
    *cells(
        # The next agent of the pool knows which runs have no worker, and they are launched again.
        faults.kill,
        targets.pool,
        places=BOTH_PLACES,
        moments=[starting],
        knowable_seconds=EXIT_SECONDS,
    ),
    *cells(faults.kill, *_AGENT, places=BOTH_PLACES),
    *cells(
        faults.kill,
        *_AGENT,
        moments=[starting],
        knowable_seconds=_GONE_SECONDS,
        tolerated=_NO_WORD,
    ),
    *cells(faults.kill, *_CODE_SERVERS),
    *cells(faults.kill, *_SUPERVISOR, moments=BOTH_MOMENTS),
    *cells(faults.stop, *_PARENTS, *_CODE_SERVERS, targets.supervisor, seconds=30),
    *cells(faults.stop, targets.web, targets.daemon, places=[apart_on_postgres], seconds=60),
    # The leader, while another one waits.
    *[
        cell
        for fault, seconds in ((faults.kill, 0), (faults.end, 0), (faults.stop, 30))
        for cell in cells(
            fault,
            targets.leader,
            places=[two_daemons_on_sqlite, two_daemons_on_postgres],
            seconds=seconds,
        )
    ],
    *[
        cell
        for fault in (faults.cut, faults.stall)
        for cell in cells(
            fault, targets.line_of_leader, places=[two_daemons_on_postgres], seconds=30
        )
    ],
    # Runs' own processes.
    *cells(faults.stop, targets.worker, victim=PEX, seconds=30),
    *cells(faults.stop, targets.worker, victim=HYBRID, seconds=30),
    *cells(
        # The pool knows that the run had not started, and launches it again.
        faults.kill,
        targets.worker,
        moments=[launched],
        victim=LOCAL,
        knowable_seconds=EXIT_SECONDS,
    ),
    *victims(launched, targets.worker, {HYBRID: (_NO_WORD, START_SECONDS)}),
    *victims(running, targets.worker, {PEX: (_KILLED, EXIT_SECONDS)}),
    *victims(watched, targets.worker, {HYBRID: (_SILENT, _SILENT_SECONDS)}),
    *victims(running, targets.step, {PEX: (_STEP, 0), HYBRID: (_STEP, 0)}, job="stepping"),
    # The agent's line.
    *cells(faults.cut, targets.agents_line, moments=BOTH_MOMENTS, seconds=30),
    *cells(faults.stall, targets.agents_line, moments=BOTH_MOMENTS, seconds=60),
    *cells(faults.lose_answers, targets.agents_line, moments=BOTH_MOMENTS, seconds=20),
    *cells(faults.delay_answers, targets.agents_line, moments=BOTH_MOMENTS, seconds=30),
    # The database.
    *cells(faults.lock, targets.database_file, moments=BOTH_MOMENTS, seconds=20),
    *cells(faults.fill, targets.disk, places=[up_on_small_disk], moments=BOTH_MOMENTS, seconds=25),
    *[
        cell
        for fault, seconds in (
            (faults.restart, 3),
            (faults.crash, 20),
            (faults.kill_a_backend, 0),
            (faults.end_all_connections, 0),
            (faults.make_read_only, 30),
            (faults.take_all_connections, 30),
        )
        for cell in cells(
            fault,
            targets.postgres,
            places=[apart_on_postgres],
            moments=BOTH_MOMENTS,
            seconds=seconds,
        )
    ],
    *cells(faults.restart, targets.postgres, places=[apart_on_postgres], seconds=300),
    *[
        cell
        for fault in (faults.cut, faults.stall)
        for cell in cells(fault, *_LINES_TO_DATABASE, places=[apart_on_postgres], seconds=30)
    ],
    *cells(
        faults.fill, targets.disk, places=[apart_on_small_disk], moments=BOTH_MOMENTS, seconds=25
    ),
]

#: Those of a place one after another.
CELLS = sorted(
    (replace(cell, everyday=cell.name in _EVERYDAY) for cell in _TABLE),
    key=lambda cell: cell.place.__name__,
)
