"""User code that takes more and more, and prints what it could get."""

from __future__ import annotations

import json
import os
import signal
import sys
import time


def say(value: dict[str, object]) -> None:
    """Print a value at once."""
    sys.stdout.write(f"{json.dumps(value)}\n")
    sys.stdout.flush()


def memory() -> None:
    """Take memory, 16 MiB at a time, up to 4 GiB."""
    taken = []
    for _ in range(256):
        taken.append(b"x" * (16 << 20))
        say({"mib": len(taken) * 16})


def processes() -> None:
    """Start processes, up to 500, that wait."""
    started = 0
    try:
        for _ in range(500):
            if os.fork() == 0:
                signal.pause()
                os._exit(0)
            started += 1
    except OSError as error:
        say({"started": started, "refused": error.strerror})
        # Those that were started go with this one.
        os._exit(0)
    say({"started": started})
    signal.pause()


def processor() -> None:
    """Keep four processors busy for a second, and say how much time that gave."""
    children = [child for _ in range(4) if (child := _busy())]
    for child in children:
        os.waitpid(child, 0)
    times = os.times()
    say({"seconds": times.children_user + times.children_system})


def _busy() -> int:
    child = os.fork()
    if child == 0:
        until = time.monotonic() + 1
        while time.monotonic() < until:
            pass
        os._exit(0)
    return child


if __name__ == "__main__":
    {"memory": memory, "processes": processes, "processor": processor}[sys.argv[1]]()
