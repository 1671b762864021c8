"""Closing this process to others of the same user."""

from __future__ import annotations

import ctypes
import sys

#: linux/prctl.h
_PR_SET_DUMPABLE = 4


def close_to_others() -> None:
    """Let no other process of this user look into this one: its environment, memory, open files.

    Root still can. It does not hold for what this process executes, which has to say so itself.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
