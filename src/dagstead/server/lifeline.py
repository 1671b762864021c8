"""A child's lifeline: a pipe from its supervisor. When the supervisor is killed, the pipe ends.

That is how children end even after a ``kill -9`` of their supervisor, which can tell nobody.
"""

from __future__ import annotations

import os
import signal
import threading
import time

#: Set by the supervisor in a child's environment: its standard input is the lifeline.
LIFELINE_VARIABLE = "DAGSTEAD_LIFELINE"

_STANDARD_INPUT = 0


def hold_lifeline(stop_seconds: float) -> None:
    """Stop this process when its supervisor is gone; does nothing in a process that has none.

    Args:
        stop_seconds: how long after being asked to stop it is killed, with its process group.
    """
    if os.environ.pop(LIFELINE_VARIABLE, None):
        watch = threading.Thread(target=_watch, args=(stop_seconds,), name="lifeline", daemon=True)
        watch.start()


def _watch(stop_seconds: float) -> None:
    # Not sys.stdin: the interpreter cannot end while a thread reads from that.
    while os.read(_STANDARD_INPUT, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(stop_seconds)  # noqa: TID251 - a process that can end does so meanwhile
    # The supervisor made this process the leader of a group of its own.
    os.killpg(os.getpgrp(), signal.SIGKILL)
