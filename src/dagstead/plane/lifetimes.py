"""How long a token lives, as users write it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from dagstead.errors import InvalidInputError

_PERIOD = re.compile(r"(\d{1,6})([mhdw])")
_SECONDS = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_FOREVER = "never"


@dataclass(frozen=True, kw_only=True, slots=True)
class Lifetime:
    """A number of seconds, or until a time; without either, forever."""

    seconds: float | None = None
    #: Seconds since 1970.
    until: float | None = None

    def ends_at(self, now: float) -> float | None:
        """When it ends; ``None`` is never."""
        return self.until if self.seconds is None else now + self.seconds


#: Until it is revoked.
FOREVER = Lifetime()


def read_overlap(text: str) -> float:
    """``12h``, ``1d`` or ``none``, in seconds.

    Raises:
        InvalidInputError: for anything else.
    """
    if text in {"none", "0"}:
        return 0.0
    period = _PERIOD.fullmatch(text)
    if not period:
        msg = f"--overlap {text!r} is not a length of time. Write 12h, 1d or none."
        raise InvalidInputError(msg)
    return float(int(period[1]) * _SECONDS[period[2]])


def read_lifetime(text: str) -> Lifetime:
    """``12h``, ``30d``, ``2027-01-31`` (to its end, UTC), ``2027-01-31T12:00:00Z`` or ``never``.

    Raises:
        InvalidInputError: for anything else.
    """
    if text == _FOREVER:
        return FOREVER
    period = _PERIOD.fullmatch(text)
    if period and int(period[1]):
        return Lifetime(seconds=float(int(period[1]) * _SECONDS[period[2]]))
    try:
        if len(text) == len("2027-01-31"):
            day = date.fromisoformat(text) + timedelta(days=1)
            return Lifetime(until=datetime.combine(day, time(), UTC).timestamp())
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        msg = f"--expires {text!r} is not a time. Write 12h, 30d, 2027-01-31 or never."
        raise InvalidInputError(msg) from error
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return Lifetime(until=aware.timestamp())
