"""A schedule that runs and does not tick."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from dagstead.plane.problems import Problem, ProblemKind, Weight, named
from dagstead.plane.reasons import written

#: The daemon looks twice a minute, and code that is loading may take minutes to answer.
LATE_SECONDS: Final = 300.0


@dataclass(frozen=True, kw_only=True, slots=True)
class LateSchedule:
    """A running schedule whose last tick is older than its cron would have it."""

    deployment: str
    location: str
    repository: str
    name: str
    #: The first tick that it has missed, and when it ticked last; ``None`` is never.
    due_at: float
    ticked_at: float | None


def late_problems(schedules: Iterable[LateSchedule]) -> Iterator[Problem]:
    """One problem for all schedules of a location."""
    groups: dict[tuple[str, str], list[LateSchedule]] = defaultdict(list)
    for each in schedules:
        groups[each.deployment, each.location].append(each)
    for (deployment, location), those in groups.items():
        first = min(those, key=lambda each: each.due_at)
        ticked = [each.ticked_at for each in those if each.ticked_at is not None]
        before = f"The last tick was at {written(max(ticked))}." if ticked else "None has ticked."
        title = f"Schedule {first.name} is late"
        yield Problem(
            kind=ProblemKind.SCHEDULE,
            weight=Weight.WRONG,
            title=title if len(those) == 1 else f"{len(those)} schedules of {location} are late",
            says=f"{named([each.name for each in those])} should have ticked at "
            f"{written(first.due_at)}. {before} See whether its location is live and the daemons "
            "run: `dagstead status`.",
            deployment=deployment,
            object=location,
            since=first.due_at,
        )
