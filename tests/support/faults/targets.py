"""What a fault hits: found anew whenever one begins, as programs are started again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psutil

from dagstead.testing.waiting import eventually
from tests.support.faults.disk import SmallDisk
from tests.support.faults.faults import Processes
from tests.support.faults.places import AGENT, STANDBY, UP, Place
from tests.support.postgres import PostgresCluster
from tests.support.stalled_line import Line

T = TypeVar("T")

#: A program is started again within this time.
_FIND_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Situation:
    """A place with runs under way, one of which is the victim of faults that hit one run."""

    place: Place
    victim: str


Target = Callable[[Situation], T]


def whole(_situation: Situation) -> None:
    """Nothing in particular."""


def web(situation: Situation) -> Processes:
    """The web server."""
    return _part(situation.place, "web")


def daemon(situation: Situation) -> Processes:
    """The daemons."""
    return _part(situation.place, "daemon")


def leader(situation: Situation) -> Processes:
    """The one of two processes of daemons that leads."""
    return [psutil.Process(situation.place.keeper.now(_leader(situation.place)).pid)]


def pool(situation: Situation) -> Processes:
    """The agent of the managed pool, alone."""
    return _found(lambda: _of_pool(situation.place, "dagster_cloud_cli.entrypoint")[:1])


def supervisor(situation: Situation) -> Processes:
    """``dagstead up`` itself, alone."""
    return [psutil.Process(situation.place.keeper.now(UP).pid)]


def everything(situation: Situation) -> Processes:
    """All that runs of the control plane but runs' workers, as when its container is killed."""
    return [
        process
        for part in (supervisor, web, daemon, pool, pool_code_servers)
        for process in part(situation)
    ]


def pool_code_servers(situation: Situation) -> Processes:
    """The code servers of the managed pool."""
    return _found(lambda: _of_pool(situation.place, " api grpc"))


def agent(situation: Situation) -> Processes:
    """The process agent, alone."""
    return [psutil.Process(situation.place.keeper.now(AGENT).pid)]


def agents_code_servers(situation: Situation) -> Processes:
    """The code servers of the process agent."""
    above = psutil.Process(situation.place.keeper.now(AGENT).pid)
    return _found(
        lambda: [each for each in above.children(recursive=True) if " api grpc " in _words(each)]
    )


def worker(situation: Situation) -> Processes:
    """The process of the victim, as soon as there is one."""
    return _found(lambda: _oldest(_with_words(situation.victim)))


def step(situation: Situation) -> Processes:
    """The process of a step of the victim."""

    def look() -> Processes:
        for above in _oldest(_with_words(situation.victim)):
            below = above.children(recursive=True)
            return [each for each in below if _is_step(each, above)][-1:]
        return []

    return _found(look)


def _is_step(process: psutil.Process, worker: psutil.Process) -> bool:
    """Whether a process below a run's worker is a step's: a new one, or a fork of the worker's."""
    if "spawn_main" in _words(process):
        return True
    return process.ppid() != worker.pid and _words(process) == _words(worker)


def agents_line(situation: Situation) -> Line:
    """Between the process agent, with its workers, and the web server."""
    return situation.place.agents_line


def line_of_web(situation: Situation) -> Line:
    """Between the web server and Postgres."""
    return situation.place.database_lines["web"]


def line_of_daemon(situation: Situation) -> Line:
    """Between the daemons and Postgres."""
    return situation.place.database_lines["daemon"]


def line_of_leader(situation: Situation) -> Line:
    """Between the one of two processes of daemons that leads and Postgres."""
    return situation.place.database_lines[_leader(situation.place)]


def postgres(situation: Situation) -> PostgresCluster:
    """The database server."""
    assert situation.place.cluster
    return situation.place.cluster


def database_file(situation: Situation) -> Path:
    """SQLite's file."""
    return situation.place.plane.data / "dagstead.db"


def disk(situation: Situation) -> SmallDisk:
    """The disk of the database."""
    assert situation.place.disk
    return situation.place.disk


def workers(run_id: str) -> Sequence[psutil.Process]:
    """All processes of a run."""
    return _with_words(run_id)


def _leader(place: Place) -> str:
    def look() -> str:
        holder = place.plane.store.leases.leader().holder or ""
        pids = {name: place.keeper.now(name).pid for name in ("daemon", STANDBY)}
        return next((name for name, pid in pids.items() if f"process {pid} " in holder), "")

    return eventually(look, _FIND_SECONDS, "a leader")


def _part(place: Place, part: str) -> Processes:
    if place.keeper.keeps(part):
        return [psutil.Process(place.keeper.now(part).pid)]
    above = psutil.Process(place.keeper.now(UP).pid)
    return _found(lambda: [each for each in above.children() if f"dagstead {part}" in _words(each)])


def _of_pool(place: Place, words: str) -> Processes:
    home, code = str(place.plane.data / "pool"), set(place.backend.user_code(place.folder))
    return [each for each in _with_words(words) if each in code or home in _words(each)]


def _found(look: Callable[[], Processes]) -> Processes:
    return eventually(look, _FIND_SECONDS, "its process", retry_on=(psutil.Error,))


def _oldest(processes: Processes) -> Processes:
    # Its children may have its words, too.
    return sorted(processes, key=psutil.Process.create_time)[:1]


def _with_words(words: str) -> list[psutil.Process]:
    return [each for each in psutil.process_iter() if words in _words(each)]


def _words(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        if process.status() != psutil.STATUS_ZOMBIE:
            return " ".join(process.cmdline())
    return ""
