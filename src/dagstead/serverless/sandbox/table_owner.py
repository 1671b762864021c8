"""Whose rules a table of nftables has, and whether that pool has ended."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil

_NAMESPACES = ("pid", "user")
_UNKNOWN = "unknown"
#: Of the fields of ``/proc/PID/stat`` behind the name, which may have blanks in it.
_START = 19


@dataclass(frozen=True, kw_only=True, slots=True)
class TableOwner:
    """A pool's process, as the remark on a rule has it."""

    pid: int
    #: In ticks since the machine has started: the time of day may be set while a pool runs.
    started: int
    #: In which the numbers of processes and users mean the same.
    namespaces: str
    #: The first and the last one of the pool.
    users: tuple[int, int]

    @classmethod
    def of_this_process(cls, users: tuple[int, int]) -> Self:
        """This process, as the pool with these users."""
        pid = os.getpid()
        return cls(
            pid=pid,
            started=_started(pid) or 0,
            namespaces=_namespaces() or _UNKNOWN,
            users=users,
        )

    @classmethod
    def named_in(cls, listing: str) -> Self | None:
        """The owner that a listing of a table names, if it does."""
        found = re.search(r'comment "pool (\d+) (\d+) (\S+) (\d+)-(\d+)"', listing)
        if found is None:
            return None
        return cls(
            pid=int(found[1]),
            started=int(found[2]),
            namespaces=found[3],
            users=(int(found[4]), int(found[5])),
        )

    @property
    def remark(self) -> str:
        """What :meth:`named_in` reads."""
        first, last = self.users
        return f"pool {self.pid} {self.started} {self.namespaces} {first}-{last}"

    def has_left_nothing(self) -> bool:
        """Whether it has certainly ended, and so has all code that ran as one of its users."""
        if self.namespaces != _namespaces() or _started(self.pid) == self.started:
            return False
        first, last = self.users
        numbers = (number for process in psutil.process_iter() for number in _users_of(process))
        return not any(first <= number <= last for number in numbers)


def _started(pid: int) -> int | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return int(text.rpartition(")")[2].split()[_START])


def _namespaces() -> str | None:
    """Those of this process; ``None`` where ``/proc`` shows others than its own."""
    try:
        if str(Path("/proc/self").readlink()) != str(os.getpid()):
            return None
        return ".".join(
            str(os.stat(f"/proc/self/ns/{kind}").st_ino)  # noqa: PTH116 - no path of a file
            for kind in _NAMESPACES
        )
    except OSError:
        return None


def _users_of(process: psutil.Process) -> tuple[int, ...]:
    try:
        return tuple(process.uids())
    except psutil.NoSuchProcess:
        return ()
