"""A code server whose runs begin in a process that has imported Dagster.

Run as ``python server.py api grpc …`` by the interpreter of a location, where nothing of this
project is installed, in place of ``python -m dagster api grpc …``. Runs that are not isolated are
its children, and Dagster starts each of them as a new Python. Here they are forks of one that the
first of them starts (``forkserver``): it has imported Dagster, but no code of the location, and has
no threads.
"""

from __future__ import annotations

import multiprocessing
import runpy
import sys
from contextlib import suppress
from importlib import import_module
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any

#: This program.
SERVER = Path(__file__)
#: What every run imports. What cannot be imported here is left out, and fails in the run.
_PRELOADED = ["dagster._grpc.impl", "dagster_cloud.instance", "dagster._core.execution.api"]


class _Contexts:
    """The module ``multiprocessing`` as the server of Dagster sees it."""

    def get_context(self, method: str | None = None) -> BaseContext:
        return multiprocessing.get_context("forkserver" if method == "spawn" else method)

    def __getattr__(self, name: str) -> Any:
        return getattr(multiprocessing, name)


def main() -> None:
    """Become what ``python -m dagster`` would be."""
    # As for a module that is run: not the folder of this file.
    sys.path[0] = str(Path.cwd())
    # What cannot be imported here fails again below, as it always would.
    with suppress(Exception):
        multiprocessing.set_forkserver_preload(_PRELOADED)
        server: Any = import_module("dagster._grpc.server")
        server.multiprocessing = _Contexts()
    sys.argv = ["dagster", *sys.argv[1:]]
    runpy.run_module("dagster", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
