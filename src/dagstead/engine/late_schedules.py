"""Schedules that run, and whose last tick is older than their cron would have it.

The database says which schedules run and when each ticked; when it should have is in the
definitions that agents have uploaded.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from dagster import DagsterInstance
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_representation.external import RemoteSchedule
from dagster._core.scheduler.instigation import InstigatorState, ScheduleInstigatorData, TickStatus

from dagstead.control.actor import SYSTEM
from dagstead.engine.automations import (
    Automations,
    is_running,
    last_ticks,
    location_of,
    states_that_run,
)
from dagstead.plane.deployments import Deployment
from dagstead.plane.late_schedules import LATE_SECONDS, LateSchedule

_KEPT_TIMES = 10_000
#: Reading definitions of many locations takes seconds: who asks gets what is known by then, and the
#: rest when asked again.
_READING_SECONDS = 0.3
#: An answer of the database counts for so long: with hundreds of schedules it takes a fifth of a
#: second.
_FRESH_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class _Answer:
    at: float
    late: Sequence[LateSchedule]


@dataclass(frozen=True, kw_only=True, slots=True)
class LateSchedules:
    """Finds them. It can be asked from all threads."""

    automations: Automations
    instance_of: Callable[[Deployment], DagsterInstance]
    #: By deployment and schedule: what it was found from, and when it is due.
    _due: OrderedDict[tuple[str, str], tuple[tuple[RemoteSchedule, float], float]] = field(
        default_factory=OrderedDict
    )
    _answers: dict[str, _Answer] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def of(self, deployment: Deployment, now: float, *, is_whole: bool) -> Sequence[LateSchedule]:
        """Those of a deployment; ``is_whole`` waits until all definitions have been read."""
        with self._guard:
            known = self._answers.get(deployment.name)
            if is_whole or known is None or not 0 <= now - known.at < _FRESH_SECONDS:
                until = math.inf if is_whole else time.monotonic() + _READING_SECONDS
                known = _Answer(now, list(self._late(deployment, now, until)))
                self._answers[deployment.name] = known
            return known.late

    def _late(self, deployment: Deployment, now: float, until: float) -> Iterator[LateSchedule]:
        instance = self.instance_of(deployment)
        wanted = states_that_run(instance, InstigatorType.SCHEDULE)
        if not wanted:
            return
        locations = {location_of(state) for state in wanted.values()}
        ticks = last_ticks(instance, wanted, list(TickStatus))
        for location in self.automations.control.locations.all(SYSTEM, deployment):
            if location.name not in locations:
                continue
            for selector, schedule in self.automations.of(deployment, location, until).items():
                state = wanted.get(selector)
                if not isinstance(schedule, RemoteSchedule) or state is None:
                    continue
                if not is_running(schedule, state):
                    continue
                tick = ticks.get(selector)
                last = None if tick is None else tick.timestamp
                seen = max(_seen_until(state), location.updated_at, last or 0.0)
                due = self._next(deployment.name, schedule, seen)
                if due <= now - LATE_SECONDS:
                    yield LateSchedule(
                        deployment=deployment.name,
                        location=location.name,
                        repository=schedule.handle.repository_name,
                        name=schedule.name,
                        due_at=due,
                        ticked_at=last,
                    )

    def _next(self, deployment: str, schedule: RemoteSchedule, seen: float) -> float:
        """When a schedule is due after a moment: the same until it ticks, and slow to find."""
        key = (deployment, schedule.selector_id)
        known = self._due.get(key)
        if known is None or known[0] != (schedule, seen):
            at = next(schedule.execution_time_iterator(seen + 1.0)).timestamp()
            known = self._due[key] = ((schedule, seen), at)
            while len(self._due) > _KEPT_TIMES:
                self._due.popitem(last=False)
        return known[1]


def _seen_until(state: InstigatorState) -> float:
    """Until when the daemon has done all that was due, or the schedule was off."""
    data = state.instigator_data
    if not isinstance(data, ScheduleInstigatorData):
        return 0.0
    return max(data.start_timestamp or 0.0, data.last_iteration_timestamp or 0.0)
