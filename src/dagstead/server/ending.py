"""The end of a process whose threads may still wait for agents."""

from __future__ import annotations

import logging
import os
import sys
from typing import NoReturn


def end_process() -> NoReturn:
    """End this process now. Call it last, when everything is closed.

    A thread that waits for an agent's answer cannot be interrupted, and the interpreter would wait
    for it, up to minutes. Its caller has gone or been answered, and it holds nothing.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
