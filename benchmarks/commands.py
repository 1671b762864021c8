"""Times commands on made-up repositories and prints a table: the best of three, in seconds."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.repositories import commit_twice, one_file_for_each, one_root_file

_LOCATIONS = 1_000
_FILES = 50_000
_TIMES = 3
_DAGSTEAD = (sys.executable, "-m", "dagstead")
#: ``changes`` and, to take off, what git itself needs for the same question.
_COMMANDS = (
    (*_DAGSTEAD, "check"),
    (*_DAGSTEAD, "routes"),
    (*_DAGSTEAD, "changes", "--since", "HEAD~1"),
    ("git", "status", "--porcelain"),
)


def main() -> None:
    """Make the repositories, run every command in each, and print."""
    sys.stdout.write(f"{_LOCATIONS} locations, {_FILES} files; best of {_TIMES}\n")
    shapes: tuple[Callable[..., None], ...] = (one_file_for_each, one_root_file)
    for shape in shapes:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder) / "repository"
            shape(root, locations=_LOCATIONS, files=_FILES)
            commit_twice(root)
            for command in _COMMANDS:
                taken = [_seconds(command, root) for _ in range(_TIMES)]
                wall, cpu = (min(each) for each in zip(*taken, strict=True))
                name = shape.__name__.replace("_", " ")
                shown = " ".join(command).replace(" ".join(_DAGSTEAD), "dagstead")
                line = f"{shown:32} {name:20} {wall:5.2f} s"
                sys.stdout.write(f"{line}   {cpu:5.2f} s of processor\n")


def _seconds(command: tuple[str, ...], root: Path) -> tuple[float, float]:
    """As a user sees it, with the start of the program; and without what other programs take."""
    begin = time.perf_counter()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    # As an installed program runs: with what Python has compiled before.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    subprocess.run(command, cwd=root, env=kept, check=True, capture_output=True)  # noqa: S603
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - begin, cpu


if __name__ == "__main__":
    main()
