"""Schedules that are due every minute, while something fails."""

from __future__ import annotations

from collections.abc import Sequence

from dagstead.testing.waiting import DeadlinePassedError, eventually
from tests.support.faults.places import NOT_YET, SCHEDULE, Place

_MINUTE = 60
#: A tick that could not be made is made up for in the minute after the next one.
_MADE_UP_SECONDS = 130.0


def wrong_ticks(place: Place, begin: float, end: float) -> Sequence[str]:
    """What must not be, in words: every minute between two times has one tick of every schedule.

    Args:
        place: its schedules do nothing but skip.
        begin: in seconds since 1970.
        end: the same.
    """
    first = int(begin // _MINUTE + 1) * _MINUTE
    minutes = range(first, int(end) + 1, _MINUTE)
    return [
        words for location in place.runs.scheduled for words in _wrong(place, location, minutes)
    ]


def _wrong(place: Place, location: str, minutes: Sequence[int]) -> Sequence[str]:
    made: list[int] = []

    def look() -> bool:
        ticks = place.deployment.ticks(location, SCHEDULE)
        made[:] = [int(each["timestamp"]) for each in ticks if each["status"] == "SKIPPED"]
        return set(minutes) <= set(made)

    try:
        eventually(look, _MADE_UP_SECONDS, f"the ticks of {location}", retry_on=NOT_YET)
    except DeadlinePassedError:
        missed = len(set(minutes) - set(made))
        return [f"{location} missed {missed} of {len(minutes)} ticks"]
    doubled = [minute for minute in minutes if made.count(minute) > 1]
    return [f"{location} made {len(doubled)} ticks twice"] if doubled else []
