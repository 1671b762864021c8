"""Waiting for a named state with a deadline, instead of sleeping and hoping."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

#: The first pause is short enough that a test loses no time.
_FIRST_PAUSE_SECONDS = 0.01
#: Later ones are a part of the time waited so far: looking takes processor time from the work.
_PAUSE_SHARE = 0.1
_LONGEST_PAUSE_SECONDS = 0.5


class DeadlinePassedError(AssertionError):
    """The awaited state did not come in time."""


def eventually(
    probe: Callable[[], T],
    deadline_seconds: float,
    what: str,
    *,
    retry_on: tuple[type[Exception], ...] = (),
) -> T:
    """Call ``probe`` until it returns something true, and return that.

    Act first, then wait with this: the probe is called many times and must only look.

    Args:
        probe: looks at the state; its last value is shown when time runs out.
        deadline_seconds: how long the state may take, on a busy machine.
        what: the state in words, completing "waited for ...".
        retry_on: exceptions that mean "not yet", such as a refused connection.

    Raises:
        DeadlinePassedError: with ``what`` and what was seen last.
    """
    start = time.monotonic()
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
        waited = time.monotonic() - start
        if waited >= deadline_seconds:
            cause = seen if isinstance(seen, Exception) else None
            message = f"Waited {deadline_seconds:g} s for {what}; last seen: {seen!r}"
            raise DeadlinePassedError(message) from cause
        share = max(_FIRST_PAUSE_SECONDS, waited * _PAUSE_SHARE)
        time.sleep(min(share, _LONGEST_PAUSE_SECONDS))  # noqa: TID251 - the one pause of all tests
