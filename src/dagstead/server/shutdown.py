"""How a process of ours ends: asked by a signal, together with its supervisor, and in the end."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import NoReturn

#: Set by the supervisor in a child's environment: its standard input is the lifeline, a pipe that
#: ends with the supervisor, even when that is killed with ``kill -9`` and can signal nobody.
LIFELINE_VARIABLE = "DAGSTEAD_LIFELINE"

_STANDARD_INPUT = 0


def stop_on_signals() -> threading.Event:
    """An event that SIGTERM and SIGINT set. Call it in the main thread."""
    stop = threading.Event()

    def set_stop(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, set_stop)
    return stop


def hold_lifeline(stop_seconds: float) -> None:
    """Stop this process when its supervisor is gone; does nothing in a process that has none.

    Args:
        stop_seconds: how long after being asked to stop it is killed, with its process group.
    """
    if os.environ.pop(LIFELINE_VARIABLE, None):
        watch = threading.Thread(target=_watch, args=(stop_seconds,), name="lifeline", daemon=True)
        watch.start()


def end_process(code: int = 0) -> NoReturn:
    """End this process now. Call it last, when everything is closed.

    A thread that waits for an agent's answer cannot be interrupted, and the interpreter would wait
    for it, up to minutes. Its caller has gone or been answered, and it holds nothing.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _watch(stop_seconds: float) -> None:
    # Not sys.stdin: the interpreter cannot end while a thread reads from that.
    while os.read(_STANDARD_INPUT, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(stop_seconds)  # noqa: TID251 - a process that can end does so meanwhile
    # The supervisor made this process the leader of a group of its own.
    os.killpg(os.getpgrp(), signal.SIGKILL)
