"""The schedules and sensors in the definitions that agents have uploaded.

What was read stays in memory, as pages and alerts ask every few seconds.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from dagster import DagsterInstance
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_representation.external import RemoteSchedule, RemoteSensor
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorTick,
    TickStatus,
)
from dagster._core.storage.schedules.schema import InstigatorsTable, JobTickTable
from dagster._core.storage.schedules.sql_schedule_storage import SqlScheduleStorage
from sqlalchemy import select

from dagstead.control.actor import SYSTEM
from dagstead.control.all import Control
from dagstead.engine.stored_definitions import StoredDefinitions
from dagstead.errors import DagsteadError
from dagstead.plane.deployments import Deployment
from dagstead.plane.locations import Location

logger = logging.getLogger(__name__)

Automation: TypeAlias = RemoteSchedule | RemoteSensor

#: As many versions of definitions, each of one location.
_KEPT = 500
_RUNNING = {InstigatorStatus.RUNNING, InstigatorStatus.DECLARED_IN_CODE}


@dataclass(frozen=True, kw_only=True, slots=True)
class Automations:
    """Reads them. It can be asked from all threads."""

    control: Control
    definitions: StoredDefinitions
    _kept: OrderedDict[tuple[str, str, str], Mapping[str, Automation]] = field(
        default_factory=OrderedDict
    )
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(
        self, deployment: Deployment, location: Location, until: float = math.inf
    ) -> Mapping[str, Automation]:
        """Those of a location, by the id of their selectors.

        Args:
            deployment: whose it is.
            location: as it is now.
            until: of the monotonic clock. After it nothing is read that is not in memory; whoever
                asks again gets it then.
        """
        if location.manifest is None:
            return {}
        # A reload may change the definitions of the same deploy.
        key = (deployment.name, location.name, location.manifest)
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return found
        if time.monotonic() > until:
            return {}
        # Without the lock: reading takes long, and others do not wait for it.
        found = self._read(deployment, location.name, location.manifest)
        with self._lock:
            self._kept[key] = found
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return found

    def named(self, deployment: Deployment, locations: Collection[str]) -> Mapping[str, Automation]:
        """Those of some locations of a deployment, by the id of their selectors."""
        found: dict[str, Automation] = {}
        if locations:
            for location in self.control.locations.all(SYSTEM, deployment):
                if location.name in locations:
                    found.update(self.of(deployment, location))
        return found

    def _read(self, deployment: Deployment, name: str, manifest: str) -> Mapping[str, Automation]:
        try:
            made = self.definitions.location(deployment, name, manifest)
        except DagsteadError as error:
            logger.warning("The schedules and sensors of %s cannot be read: %s", name, error)
            return {}
        found: list[Automation] = []
        for repository in made.get_repositories().values():
            found += [*repository.get_schedules(), *repository.get_sensors()]
        return {each.selector_id: each for each in found}


def states_that_run(
    instance: DagsterInstance, kind: InstigatorType | None = None
) -> Mapping[str, InstigatorState]:
    """What is stored of schedules and sensors that are switched on, by the id of their selectors.

    The daemons store a state before the first tick, also of what runs as its code says so.
    """
    states = instance.all_instigator_state(instigator_type=kind, instigator_statuses=_RUNNING)
    return {state.selector_id: state for state in states}


def last_ticks(
    instance: DagsterInstance, selectors: Collection[str], statuses: Collection[TickStatus]
) -> Mapping[str, InstigatorTick]:
    """The last tick of schedules and sensors with one of these statuses, by the id of a selector.

    Dagster's own ``get_batch_ticks`` reads every tick that was ever kept, which takes seconds where
    sensors tick twice a minute, and fails where it is given statuses. This reads one of each by an
    index.
    """
    storage = instance.schedule_storage
    if not isinstance(storage, SqlScheduleStorage) or not selectors:
        return {}
    newest = (
        select(JobTickTable.c.id)
        .where(JobTickTable.c.selector_id == InstigatorsTable.c.selector_id)
        .where(JobTickTable.c.status.in_([each.value for each in statuses]))
        .order_by(JobTickTable.c.timestamp.desc())
        .limit(1)
        .scalar_subquery()
    )
    wanted = InstigatorsTable.c.selector_id.in_(sorted(selectors))
    with storage.connect() as connection:
        found = connection.execute(select(newest).where(wanted)).scalars().all()
    ticks = storage.get_ticks_by_ids([number for number in found if number is not None])
    return {str(tick.tick_data.selector_id): tick for tick in ticks}


def is_running(automation: Automation, state: InstigatorState) -> bool:
    """Whether it is switched on, as its definitions see what is stored."""
    return automation.get_current_instigator_state(state).status in _RUNNING


def location_of(state: InstigatorState) -> str:
    """The name of the location that it is of."""
    return state.origin.repository_origin.code_location_origin.location_name
