"""Where and with what something was measured."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Mapping
from importlib.metadata import version

import psutil

_LOOPS = 3_000_000


def facts() -> Mapping[str, str]:
    """The machine, and the versions of what runs on it."""
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "cores": str(os.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "a loop of Python": f"{_loop_seconds():.2f} s",
        "Python": platform.python_version(),
        "Dagster": version("dagster"),
        "dagster-cloud": version("dagster-cloud"),
        "Dagstead": version("dagstead"),
    }


def _loop_seconds() -> float:
    """How fast this machine is at present: the processor seconds of a loop."""
    begin = time.process_time()
    for _ in range(_LOOPS):
        pass
    return time.process_time() - begin
