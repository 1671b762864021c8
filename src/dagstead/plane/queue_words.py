"""Values of queues as people write them, on pages: times, fallbacks, and the words for both."""

from __future__ import annotations

from dagstead.errors import InvalidInputError
from dagstead.plane.lifetimes import read_lifetime
from dagstead.plane.queues import Fallback, FallbackKind

_UNITS = (("d", 86_400), ("h", 3600), ("m", 60))


def read_wait(text: str) -> float | None:
    """``30m``, ``12h`` or ``2d`` in seconds; empty is none.

    Raises:
        InvalidInputError: for anything else.
    """
    if not text:
        return None
    number, unit = text[:-1], text[-1]
    seconds = dict(_UNITS).get(unit)
    if seconds is None or not number.isdecimal() or len(number) > 6:  # noqa: PLR2004 - a million days
        raise InvalidInputError(f"{text!r:.40} is not a length of time. Write 30m, 12h or 2d.")
    return float(int(number) * seconds)


def written_wait(seconds: float | None) -> str:
    """What :func:`read_wait` reads."""
    if seconds is None:
        return ""
    whole = int(seconds)
    unit, size = next(
        ((unit, size) for unit, size in _UNITS if whole % size == 0), (_UNITS[-1][0], 60)
    )
    return f"{whole // size}{unit}"


def read_until(text: str, now: float) -> float | None:
    """When a pause ends: ``30m`` from now, or a time; empty is when somebody resumes it.

    Raises:
        InvalidInputError: for anything else.
    """
    return read_lifetime(text).ends_at(now) if text else None


def read_fallback(kind: str, queue: str) -> Fallback:
    """What becomes of runs that wait too long.

    Raises:
        InvalidInputError: for another word.
    """
    try:
        chosen = FallbackKind(kind or FallbackKind.WAIT)
    except ValueError as error:
        raise InvalidInputError(f"{kind!r:.40} is no fallback of a queue.") from error
    is_other = chosen is FallbackKind.QUEUE
    return Fallback(kind=chosen, queue=(queue or None) if is_other else None)


def read_limit(text: str) -> int | None:
    """A number of runs; empty is any number.

    Raises:
        InvalidInputError: for what is no number.
    """
    if not text:
        return None
    if not text.isdecimal() or len(text) > 9:  # noqa: PLR2004 - more than any queue has
        raise InvalidInputError(f"The limit {text!r:.40} is not a number of runs.")
    return int(text)


def read_priority(text: str) -> int:
    """A whole number, also a negative one; empty is zero.

    Raises:
        InvalidInputError: for what is no number.
    """
    digits = text.removeprefix("-")
    if not text:
        return 0
    if not digits.isdecimal() or len(digits) > 9:  # noqa: PLR2004 - more than any queue has
        raise InvalidInputError(f"The priority {text!r:.40} is not a whole number.")
    return int(text)
