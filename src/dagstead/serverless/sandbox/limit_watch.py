"""ProcessLimits where the kernel cannot hold them for a whole run: the pool looks, and ends it."""

from __future__ import annotations

import logging
import resource
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dagstead.serverless.sandbox.limits import ProcessLimits

_LOOK_SECONDS = 1.0
#: Of the numbers behind the name in /proc/PID/stat (man 5 proc_pid_stat).
_THREADS = 17
_PAGE = resource.getpagesize()
logger = logging.getLogger("dagstead.serverless.limits")


@dataclass(frozen=True, slots=True)
class LimitedProcess:
    """A code server or a run worker, with all that it has started."""

    #: It leads its own session.
    pid: int
    limits: ProcessLimits
    #: Called with a sentence, when it has more than its limits.
    end: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class _Process:
    pid: int
    parent: int
    session: int
    threads: int
    #: Bytes that are its own, and those that it may share with others.
    own: int
    shared: int


def end_what_is_over(watched: Iterable[LimitedProcess], processes: Path = Path("/proc")) -> None:
    """Look once, and end whoever has more than its limits."""
    limited = [each for each in watched if each.limits.memory or each.limits.processes]
    if not limited:
        return
    children: dict[int, list[_Process]] = defaultdict(list)
    sessions: dict[int, list[_Process]] = defaultdict(list)
    for process in _all_processes(processes):
        children[process.parent].append(process)
        sessions[process.session].append(process)
    for each in limited:
        tree = {process.pid: process for process in _tree(each.pid, children, sessions)}
        says = _over(each.limits, tree.values())
        if says:
            each.end(says)


def tasks_of(user: int, processes: Path = Path("/proc")) -> int:
    """How many processes and threads a user has."""
    found = 0
    for folder in processes.iterdir():
        with suppress(OSError):
            if folder.name.isdigit() and folder.stat().st_uid == user:
                found += _threads(folder)
    return found


def watch_limits(watched: Callable[[], Iterable[LimitedProcess]], stop: threading.Event) -> None:
    """Look once a second in a thread of its own, until ``stop`` is set."""

    def watch() -> None:
        while not stop.wait(_LOOK_SECONDS):
            try:
                end_what_is_over(watched())
            except OSError as error:
                logger.warning("The limits of runs cannot be looked at: %s", error)

    threading.Thread(target=watch, name="limits", daemon=True).start()


def _over(limits: ProcessLimits, tree: Iterable[_Process]) -> str | None:
    found = list(tree)
    memory = sum(process.own for process in found)
    # What several of them share counts once; nobody knows with whom, so the largest stands for all.
    memory += max((process.shared for process in found), default=0)
    tasks = sum(process.threads for process in found)
    if limits.memory is not None and memory > limits.memory:
        return limits.had_memory(memory >> 20)
    if limits.processes is not None and tasks > limits.processes:
        return f"it had {tasks} processes and threads, and its limit is {limits.processes}."
    return None


def _tree(
    pid: int, children: dict[int, list[_Process]], sessions: dict[int, list[_Process]]
) -> Iterator[_Process]:
    left = [*sessions[pid]]
    seen = set()
    while left:
        process = left.pop()
        if process.pid not in seen:
            seen.add(process.pid)
            yield process
            left += children[process.pid]


def _all_processes(processes: Path) -> Iterator[_Process]:
    for folder in processes.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            text = _numbers(folder)
            resident, shared = (folder / "statm").read_text(encoding="ascii").split()[1:3]
        except OSError:
            # It has ended meanwhile.
            continue
        own = max(0, int(resident) - int(shared))
        yield _Process(
            pid=int(folder.name),
            parent=int(text[1]),
            session=int(text[3]),
            threads=int(text[_THREADS]),
            own=own * _PAGE,
            shared=int(shared) * _PAGE,
        )


def _threads(folder: Path) -> int:
    return int(_numbers(folder)[_THREADS])


def _numbers(folder: Path) -> list[str]:
    # The name of the program is in brackets, and may have any letters.
    return (folder / "stat").read_text(encoding="latin1").rpartition(")")[2].split()
