"""Schedules whose ticks are made up for when their code could not be reached.

Open-source Dagster tries such a tick again a minute later. But when another tick is due by then, it
takes only the newest one of a schedule without partitions, and a schedule that runs every minute
loses each tick that falls while its code server is started again. Of a schedule with partitions it
takes several. The schedules here have partitions as far as its daemon can see, and show it only the
ticks of the last minutes, so that one that was away for a day does not start a day's runs.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import datetime

from dagster._core.remote_representation.external import RemoteRepository, RemoteSchedule

#: Older ticks are not made up for, except the newest one. Dagster makes up for five at most.
MADE_UP_SECONDS = 600.0


class SchedulesMadeUp(RemoteRepository):
    """A repository as the daemon that runs schedules sees it."""

    def get_schedules(self) -> Sequence[RemoteSchedule]:
        """See the base class."""
        return [
            schedule if schedule.partition_set_name else MadeUpSchedule.of(schedule)
            for schedule in super().get_schedules()
        ]


class MadeUpSchedule(RemoteSchedule):
    """A schedule without partitions whose recent ticks are all made."""

    @classmethod
    def of(cls, schedule: RemoteSchedule) -> MadeUpSchedule:
        """The same schedule."""
        return cls(schedule._schedule_snap, schedule.handle.repository_handle)  # noqa: SLF001

    @property
    def partition_set_name(self) -> str:
        """A name that no partition set has: the daemon asks only whether there is one."""
        return "made up"

    def execution_time_iterator(
        self,
        start_timestamp: float,
        ascending: bool = True,  # noqa: FBT001, FBT002 - upstream's
    ) -> Iterator[datetime]:
        """See the base class."""
        times = super().execution_time_iterator(start_timestamp, ascending)
        return recent(times, now=time.time()) if ascending else times


def recent(times: Iterator[datetime], *, now: float) -> Iterator[datetime]:
    """Without those that are too old, unless there are no newer ones that are due.

    Args:
        times: without an end, the earliest first.
        now: in seconds since 1970.
    """
    newest_old = None
    for at in times:
        if at.timestamp() < now - MADE_UP_SECONDS:
            newest_old = at
            continue
        if newest_old is not None and at.timestamp() > now:
            yield newest_old
        newest_old = None
        yield at
