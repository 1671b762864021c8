"""Flame graphs of what a start, an event and a poll cost, as files for a browser.

py-spy looks from outside, 200 times a second, at what keeps the interpreter of a process busy.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from benchmarks import events
from benchmarks.dispatch import polling
from benchmarks.systems import Dagstead, dagstead

_SECONDS = 15
_AGENTS = 100
_WRITERS = 4
_RATE = 200


def main() -> None:
    """Record what was asked for."""
    options = _options()
    options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="dagstead-bench-") as folder:
        for name in options.only or _SCENARIOS:
            sys.stderr.write(f"{name} …\n")
            _SCENARIOS[name](Path(folder) / name, options.folder)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*", choices=[[], *_SCENARIOS], help="scenarios; all of them")
    parser.add_argument("--folder", type=Path, default=Path("build/flames"))
    return parser.parse_args()


def _start(folder: Path, target: Path) -> None:
    """The pool and its workers while runs start, one after the other."""
    with dagstead(folder) as plane:
        plane.pool.run("one_op")
        with _recorded(_part(plane, "dagster_cloud_cli"), target / "start.svg"):
            for _ in range(_SECONDS // 3):
                plane.pool.run("one_op")
                # The process for the next run imports its code meanwhile.
                threading.Event().wait(2)


def _poll(folder: Path, target: Path) -> None:
    """The web server while many agents have nothing to do."""
    with (
        dagstead(folder) as plane,
        polling(plane, _AGENTS),
        _recorded(_part(plane, "dagstead web"), target / "poll.svg") as recorder,
    ):
        recorder.wait()


def _event(folder: Path, target: Path) -> None:
    """The web server while workers write events one by one."""
    with events.storages(folder, None, None) as (ours, _):
        assert ours.server is not None  # noqa: S101 - this one has a server
        ours.tell([1, _WRITERS, _SECONDS])
        ours.hear()
        with _recorded(ours.server, target / "event.svg"):
            ours.tell("begin")
            ours.hear()


@contextmanager
def _recorded(process: psutil.Process, target: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Record a process, with those that it starts."""
    program = [
        *(str(Path(sys.executable).with_name("py-spy")), "record", "--gil", "--subprocesses"),
        *("--pid", str(process.pid), "--duration", str(_SECONDS), "--rate", str(_RATE)),
        *("--output", str(target)),
    ]
    with subprocess.Popen(program, stdout=subprocess.DEVNULL) as recorder:  # noqa: S603 - ours
        yield recorder
        recorder.wait()
    if recorder.returncode:
        sys.exit(f"py-spy has failed with code {recorder.returncode}; it may need root.")
    sys.stderr.write(f"{target}\n")


def _part(plane: Dagstead, words: str) -> psutil.Process:
    """The process of a part of ``dagstead up``."""
    children = plane.pool.roots[0].children()
    return next(child for child in children if words in " ".join(child.cmdline()))


_SCENARIOS: dict[str, Callable[[Path, Path], None]] = {
    "start": _start,
    "poll": _poll,
    "event": _event,
}


if __name__ == "__main__":
    main()
