"""Waiting for a named state with a deadline, instead of sleeping and hoping."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

#: Short enough that a test loses no time, long enough that two cores are left for the work.
_POLL_SECONDS = 0.05


class DeadlinePassedError(AssertionError):
    """The awaited state did not come in time."""


def eventually(
    probe: Callable[[], T],
    deadline_seconds: float,
    what: str,
    *,
    retry_on: tuple[type[Exception], ...] = (),
    poll_seconds: float = _POLL_SECONDS,
) -> T:
    """Call ``probe`` until it returns something true, and return that.

    Act first, then wait with this: the probe is called many times and must only look.

    Args:
        probe: looks at the state; its last value is shown when time runs out.
        deadline_seconds: how long the state may take, on a busy machine.
        what: the state in words, completing "waited for ...".
        retry_on: exceptions that mean "not yet", such as a refused connection.
        poll_seconds: the pause between two looks.

    Raises:
        DeadlinePassedError: with ``what`` and what was seen last.
    """
    deadline = time.monotonic() + deadline_seconds
    pause = threading.Event()
    while True:
        seen: object
        try:
            value = probe()
        except retry_on as error:
            seen = error
        else:
            if value:
                return value
            seen = value
        if time.monotonic() >= deadline:
            cause = seen if isinstance(seen, Exception) else None
            message = f"Waited {deadline_seconds:g} s for {what}; last seen: {seen!r}"
            raise DeadlinePassedError(message) from cause
        pause.wait(poll_seconds)
