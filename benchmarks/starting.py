"""Times what the pool's walls cost the start of a process of user code, level against level.

Every program is started behind every wall in turn, so that a busy machine slows all of them; it
stands for a code server or a run worker. What the pool itself does for a start counts as well. Run
it as root, with bubblewrap. Prints a table of medians.
"""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dagstead.serverless.home import PoolHome
from dagstead.serverless.sandbox.limits import ProcessLimits
from dagstead.serverless.sandbox.programs import Owner, Program
from dagstead.serverless.sandbox.sandbox import Sandbox
from dagstead.serverless.sandbox.trial import WallsChoice, found_walls
from dagstead.serverless.sandbox.walls import Walls
from tests.support.debian import reachable_python

if TYPE_CHECKING:
    from collections.abc import Iterator

_TIMES = int(os.environ.get("TIMES", "15"))
_PROGRAMS = {
    "nothing but Python": ("-I", "-S", "-c", ""),
    "imports Dagster": ("-c", "import dagster"),
}
#: linux/prctl.h: children of children that have lost their parents become this process's own.
_PR_SET_CHILD_SUBREAPER = 36
_LIMITS = ProcessLimits(memory_mb=4096, processes=1000, cpus=4)


@dataclass(frozen=True, kw_only=True)
class Contest:
    """The walls by what they are called, and the seconds that starts took behind them."""

    sandboxes: Mapping[str, Sandbox]
    taken: dict[tuple[str, str], list[tuple[float, float]]] = field(default_factory=dict)

    def round(self, number: int) -> None:
        """Start every program once behind every wall, not always in the same order."""
        names = list(self.sandboxes)
        turn = number % len(names)
        for program, arguments in _PROGRAMS.items():
            for name in (*names[turn:], *names[:turn]):
                took = _seconds(self.sandboxes[name], arguments)
                self.taken.setdefault((program, name), []).append(took)

    def print(self) -> None:
        """The best times, and how much more they are than without walls."""
        sys.stdout.write(f"{'wall (processor), in ms; best of ' + str(_TIMES):44}")
        sys.stdout.write("".join(f"{program:>34}" for program in _PROGRAMS) + "\n")
        for name in self.sandboxes:
            cells = [self._cell(program, name) for program in _PROGRAMS]
            sys.stdout.write(f"{name:44}{''.join(cells)}\n")

    def _cell(self, program: str, name: str) -> str:
        wall, cpu = self._best(program, name)
        least, least_cpu = self._best(program, next(iter(self.sandboxes)))
        more = f"{wall - least:+.0f} ({cpu - least_cpu:+.0f})"
        return f"{f'{wall:.0f} ({cpu:.0f})':>18}{more:>16}"

    def _best(self, program: str, name: str) -> tuple[float, float]:
        columns = zip(*self.taken[program, name], strict=True)
        wall, cpu = (min(column) * 1000 for column in columns)
        return wall, cpu


def main() -> None:
    """Run all rounds, and print the table."""
    python = reachable_python()
    if Path(sys.executable) != python:
        # Of which all users can read the libraries: walls of users alone have no other place.
        packages = os.pathsep.join(path for path in sys.path if path.endswith("site-packages"))
        command = [str(python), "-m", "benchmarks.starting"]
        os.execve(command[0], command, {**os.environ, "PYTHONPATH": f"src:.:{packages}"})  # noqa: S606
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    with _contest() as contest:
        for number in range(_TIMES + 1):
            contest.round(number)
            if number == 0:
                # What is compiled and made once.
                contest.taken.clear()
        contest.print()


@contextmanager
def _contest() -> Iterator[Contest]:
    with tempfile.TemporaryDirectory(prefix="dagstead-bench-") as folder:
        Path(folder).chmod(0o755)
        home = PoolHome(root=Path(folder) / "pool")
        home.create()
        found = found_walls(home, WallsChoice())
        if found.users is None or found.bubblewrap is None:
            sys.exit(f"Not all walls can be had here: {found.line}; {'; '.join(found.reasons)}")
        kernel = replace(found, users=None, bubblewrap=None, loopback=False)
        walls = {
            "4: none": Walls(),
            "4: none; limits by cgroups": Walls(cgroups=found.cgroups),
            "3: the kernel's": kernel,
            "2: bubblewrap": replace(kernel, bubblewrap=found.bubblewrap),
            "1: users": replace(kernel, users=found.users),
            "1: users and bubblewrap": replace(found, loopback=False),
        }
        yield Contest(sandboxes={name: _sandbox(home, each) for name, each in walls.items()})


def _sandbox(home: PoolHome, walls: Walls) -> Sandbox:
    read = (Path(sys.prefix), *(Path(path) for path in sys.path if Path(path).is_dir()))
    sandbox = Sandbox(home=home, walls=walls, hidden=(home.root.parent,), machine_read=read)
    sandbox.open_folders()
    return sandbox


def _seconds(sandbox: Sandbox, arguments: tuple[str, ...]) -> tuple[float, float]:
    """What a start takes with all before and after it: by the clock, and of processors."""
    begin, before = time.perf_counter(), _processor()
    name = f"bench-{time.monotonic_ns()}"
    # What one kind of users has written, another cannot read.
    owner = Owner.location("bench", "-".join(sandbox.walls.words))
    program = Program(
        command=[sys.executable, *arguments],
        environment={"PYTHONPATH": os.pathsep.join(sys.path), "PATH": os.environ["PATH"]},
        deployment="bench",
        limits=_LIMITS,
        folder=Path("/"),
    )
    try:
        with sandbox.around(name, owner, program) as start:
            subprocess.run(  # noqa: S603 - our own command
                start.command,
                env=dict(start.environment),
                pass_fds=start.descriptors,
                stdin=subprocess.DEVNULL,
                check=True,
            )
        _wait_for_the_rest()
    finally:
        sandbox.end(owner, name)
    return time.perf_counter() - begin, _processor() - before


def _wait_for_the_rest() -> None:
    """Take the times of processes whose own parents have not waited for them, as bubblewrap."""
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


def _processor() -> float:
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


if __name__ == "__main__":
    main()
