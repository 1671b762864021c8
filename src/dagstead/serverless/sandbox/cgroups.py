"""ProcessLimits that the kernel holds for a process and all that it starts: control groups."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dagstead.serverless.sandbox.limits import ProcessLimits

_ROOT = Path("/sys/fs/cgroup")
_NAME = "dagstead-pool"
_OPTIONAL = ("memory.swap.max", "memory.memsw.limit_in_bytes", "memory.oom.group")
_CONTROLLERS = ("memory", "pids", "cpu")
#: Microseconds: of every period, a group gets so much time.
_PERIOD = 100_000
_REMOVE_SECONDS = 2.0
_POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Cgroups:
    """The folders in which groups are made: one for all controllers, or one for each of them."""

    parents: Mapping[str, Path]

    @property
    def is_unified(self) -> bool:
        """Whether this is version 2, which has one tree for all controllers."""
        return len(set(self.parents.values())) == 1

    def make(self, name: str, limits: ProcessLimits) -> list[str]:
        """Make a group; returns the files that a process of it writes its number into.

        Raises:
            OSError: the kernel refuses a limit.
        """
        folders = dict.fromkeys(parent / name for parent in self.parents.values())
        for folder in folders:
            folder.mkdir(exist_ok=True)
        for file, value in self._values(name, limits):
            try:
                file.write_text(value, encoding="ascii")
            except OSError:
                # Kernels that count no swap do not have its files.
                if file.name not in _OPTIONAL:
                    raise
        return [str(folder / "cgroup.procs") for folder in folders]

    def _values(self, name: str, limits: ProcessLimits) -> list[tuple[Path, str]]:
        memory, pids, cpu = (self.parents[each] / name for each in _CONTROLLERS)
        found: list[tuple[Path, str]] = []
        if limits.memory is not None:
            most = str(limits.memory)
            found += (
                # All of it is ended together: a run without one of its steps goes on for nothing.
                [
                    (memory / "memory.max", most),
                    (memory / "memory.swap.max", "0"),
                    (memory / "memory.oom.group", "1"),
                ]
                if self.is_unified
                else [
                    (memory / "memory.limit_in_bytes", most),
                    (memory / "memory.memsw.limit_in_bytes", most),
                ]
            )
        if limits.processes is not None:
            found.append((pids / "pids.max", str(limits.processes)))
        if limits.cpus is not None:
            quota = str(int(limits.cpus * _PERIOD))
            found += (
                [(cpu / "cpu.max", f"{quota} {_PERIOD}")]
                if self.is_unified
                else [
                    (cpu / "cpu.cfs_period_us", str(_PERIOD)),
                    (cpu / "cpu.cfs_quota_us", quota),
                ]
            )
        return found

    def remove(self, name: str) -> None:
        """End what is left in a group, wherever it has gone, and remove it."""
        folders = list(dict.fromkeys(parent / name for parent in self.parents.values()))
        deadline = time.monotonic() + _REMOVE_SECONDS
        while time.monotonic() < deadline:
            folders = [folder for folder in folders if not _removed(folder)]
            if not folders:
                return
            for folder in folders:
                _end_all(folder)
            time.sleep(_POLL_SECONDS)  # noqa: TID251 - the kernel does not ring

    def names(self) -> list[str]:
        """The groups that are there."""
        parent = next(iter(self.parents.values()))
        try:
            return [path.name for path in parent.iterdir() if path.is_dir()]
        except OSError:
            return []


def found_cgroups(pool: str) -> Cgroups | None:
    """The folders for groups of a pool, if this process may make some; found out by trying.

    Args:
        pool: a name that no other pool of this machine has.
    """
    if os.geteuid() != 0:
        return None
    if (_ROOT / "cgroup.controllers").is_file():
        return _unified(pool)
    own = dict(_own_groups())
    parents = {
        name: _ROOT / name / own.get(name, "").lstrip("/") / f"{_NAME}-{pool}"
        for name in _CONTROLLERS
    }
    try:
        for parent in parents.values():
            parent.mkdir(exist_ok=True)
    except OSError:
        return None
    return Cgroups(parents)


def _unified(pool: str) -> Cgroups | None:
    folder = _ROOT / f"{_NAME}-{pool}"
    wanted = " ".join(f"+{name}" for name in _CONTROLLERS)
    try:
        enabled = (_ROOT / "cgroup.subtree_control").read_text(encoding="ascii").split()
        if not set(_CONTROLLERS) <= set(enabled):
            (_ROOT / "cgroup.subtree_control").write_text(wanted, encoding="ascii")
        folder.mkdir(exist_ok=True)
        (folder / "cgroup.subtree_control").write_text(wanted, encoding="ascii")
    except OSError:
        return None
    return Cgroups(dict.fromkeys(_CONTROLLERS, folder))


def _own_groups() -> list[tuple[str, str]]:
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="ascii").splitlines()
    except OSError:
        return []
    return [
        (controller, line.split(":", 2)[2])
        for line in lines
        for controller in line.split(":", 2)[1].split(",")
    ]


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _end_all(folder: Path) -> None:
    with suppress(OSError):
        if (folder / "cgroup.kill").exists():
            (folder / "cgroup.kill").write_text("1", encoding="ascii")
            return
        for line in (folder / "cgroup.procs").read_text(encoding="ascii").split():
            with suppress(ProcessLookupError):
                os.kill(int(line), 9)
