"""Schedules that run, and whose last tick is older than their cron would have it.

The database says which schedules run and when each ticked; when it should have is in the
definitions that agents have uploaded. What was read of these stays in memory, as a page asks every
few seconds.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from dagster import DagsterInstance
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_representation.external import RemoteSchedule
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    ScheduleInstigatorData,
)

from dagstead.control.actor import SYSTEM
from dagstead.control.all import Control
from dagstead.engine.stored_definitions import StoredDefinitions
from dagstead.errors import DagsteadError
from dagstead.plane.deployments import Deployment
from dagstead.plane.late_schedules import LATE_SECONDS, LateSchedule
from dagstead.plane.locations import Location

logger = logging.getLogger(__name__)

#: Of one deploy of one location each.
_KEPT = 500
_KEPT_TIMES = 10_000
#: Reading definitions of many locations takes seconds: who asks gets what is known by then, and the
#: rest when asked again.
_READING_SECONDS = 0.3
#: An answer of the database counts for so long: with hundreds of schedules it takes a fifth of a
#: second.
_FRESH_SECONDS = 60.0
_RUNNING = {InstigatorStatus.RUNNING, InstigatorStatus.DECLARED_IN_CODE}


@dataclass(frozen=True, slots=True)
class _Answer:
    at: float
    late: Sequence[LateSchedule]


@dataclass(frozen=True, kw_only=True, slots=True)
class LateSchedules:
    """Finds them. It can be asked from all threads."""

    control: Control
    definitions: StoredDefinitions
    instance_of: Callable[[Deployment], DagsterInstance]
    _schedules: OrderedDict[tuple[str, str, str], Mapping[str, RemoteSchedule]] = field(
        default_factory=OrderedDict
    )
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
        states = instance.all_instigator_state(
            instigator_type=InstigatorType.SCHEDULE, instigator_statuses=_RUNNING
        )
        if not states:
            return
        wanted = {state.selector_id: state for state in states}
        locations = {_location_of(state) for state in states}
        ticks = _last_ticks(instance, list(wanted))
        for location in self.control.locations.all(SYSTEM, deployment):
            if location.name not in locations or location.manifest is None:
                continue
            for selector, schedule in self._schedules_of(deployment, location, until).items():
                state = wanted.get(selector)
                if state is None or not _runs(schedule, state):
                    continue
                last = ticks.get(selector)
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

    def _schedules_of(
        self, deployment: Deployment, location: Location, until: float
    ) -> Mapping[str, RemoteSchedule]:
        key = (deployment.name, location.name, location.manifest_deploy_id or "")
        found = self._schedules.get(key)
        if found is None:
            if time.monotonic() > until:
                return {}
            found = self._read(deployment, location)
            self._schedules[key] = found
            while len(self._schedules) > _KEPT:
                self._schedules.popitem(last=False)
        self._schedules.move_to_end(key)
        return found

    def _read(self, deployment: Deployment, location: Location) -> Mapping[str, RemoteSchedule]:
        try:
            made = self.definitions.location(deployment, location.name, location.manifest or "")
        except DagsteadError as error:
            logger.warning("The schedules of %s cannot be read: %s", location.name, error)
            return {}
        return {
            schedule.selector_id: schedule
            for repository in made.get_repositories().values()
            for schedule in repository.get_schedules()
        }


def _location_of(state: InstigatorState) -> str:
    return state.origin.repository_origin.code_location_origin.location_name


def _runs(schedule: RemoteSchedule, state: InstigatorState) -> bool:
    """Whether it is switched on, as its definitions see what is stored."""
    return schedule.get_current_instigator_state(state).status in _RUNNING


def _seen_until(state: InstigatorState) -> float:
    """Until when the daemon has done all that was due, or the schedule was off."""
    data = state.instigator_data
    if not isinstance(data, ScheduleInstigatorData):
        return 0.0
    return max(data.start_timestamp or 0.0, data.last_iteration_timestamp or 0.0)


def _last_ticks(instance: DagsterInstance, selectors: Sequence[str]) -> Mapping[str, float]:
    storage = instance.schedule_storage
    if storage is None:
        return {}
    found = storage.get_batch_ticks(selectors, limit=1)
    return {selector: ticks[0].timestamp for selector, ticks in found.items() if ticks}
