"""Ticks that fell while the code could not be reached are made up for."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from pathlib import Path
from typing import Any, cast

import pytest
from dagster import (
    DagsterInstance,
    DefaultScheduleStatus,
    Definitions,
    ScheduleDefinition,
    job,
)
from dagster._core.definitions.schedule_definition import ScheduleExecutionData
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.remote_origin import CodeLocationOrigin
from dagster._core.remote_representation.external import RemoteRepository
from dagster._core.remote_representation.external_data import RepositorySnap
from dagster._core.remote_representation.handle import RepositoryHandle
from dagster._daemon.daemon import get_default_daemon_logger
from dagster._scheduler.scheduler import ScheduleIterationTimes, launch_scheduled_runs
from dagster_shared.utils.warnings import disable_dagster_warnings

from dagstead.engine.schedules import MADE_UP_SECONDS, SchedulesMadeUp, recent


def eight_minutes_ago() -> datetime:
    """A full minute, asked for as each test begins: only recent ticks are made up for."""
    return datetime.fromtimestamp(time.time() // 60 * 60, UTC) - timedelta(minutes=8)


@job
def nothing() -> None:
    """A job that nobody starts."""


@dataclass
class Location:
    """A workspace of one location, whose code can be away; the daemon sees no more of it."""

    instance: DagsterInstance
    repository: RemoteRepository
    #: Minute 0 of the test.
    start: datetime = field(default_factory=eight_minutes_ago)
    is_away: bool = False
    load_error: None = None
    times: dict[str, ScheduleIterationTimes] = field(default_factory=dict)

    @property
    def origin(self) -> CodeLocationOrigin:
        return self.repository.handle.code_location_origin

    @property
    def code_location(self) -> Location:
        return self

    def create_request_context(self) -> Location:
        return self

    def get_code_location_entries(self) -> Mapping[str, Location]:
        return {"shop": self}

    def get_repositories(self) -> Mapping[str, RemoteRepository]:
        return {"shop": self.repository}

    def get_code_location(self, _name: str) -> Location:
        return self

    def get_schedule_execution_data(self, **_asked: object) -> ScheduleExecutionData:
        if self.is_away:
            raise DagsterUserCodeUnreachableError
        return ScheduleExecutionData(skip_message="nothing to do")

    def look(self, minute: int) -> None:
        """A round of the daemon, a moment after a full minute."""
        now = self.start + timedelta(minutes=minute, seconds=1)
        logger = get_default_daemon_logger("SchedulerDaemon")
        list(launch_scheduled_runs(cast("Any", self), logger, now, self.times))

    def ticks(self) -> dict[int, str]:
        """The states of the ticks, by their minute."""
        (schedule,) = self.repository.get_schedules()
        ticks = self.instance.get_ticks(schedule.get_remote_origin_id(), schedule.selector_id)
        return {
            round((tick.timestamp - self.start.timestamp()) / 60): tick.status.value
            for tick in reversed(ticks)
        }


@pytest.fixture
def location(tmp_path: Path) -> Iterator[Location]:
    every_minute = ScheduleDefinition(
        name="every_minute",
        job=nothing,
        cron_schedule="* * * * *",
        default_status=DefaultScheduleStatus.RUNNING,
    )
    definitions = Definitions(jobs=[nothing], schedules=[every_minute]).get_repository_def()
    with disable_dagster_warnings():
        snap = RepositorySnap.from_def(definitions)
    repository = SchedulesMadeUp(
        snap,
        RepositoryHandle.for_test(),
        auto_materialize_use_sensors=True,
    )
    with DagsterInstance.local_temp(str(tmp_path)) as instance:
        scene = Location(instance, repository)
        scene.look(0)
        yield scene


def test_no_tick_is_lost_while_a_code_server_is_started_again(location: Location) -> None:
    location.look(1)
    location.is_away = True
    location.look(2)
    location.look(3)
    assert location.ticks() == {1: "SKIPPED", 2: "FAILURE"}
    location.is_away = False
    location.look(4)
    location.look(5)
    assert location.ticks() == dict.fromkeys(range(1, 6), "SKIPPED")


def test_no_tick_is_lost_while_another_process_begins_to_lead(location: Location) -> None:
    location.look(1)
    # It knows only what is stored.
    location.times.clear()
    location.look(4)
    assert location.ticks() == dict.fromkeys(range(1, 5), "SKIPPED")


def test_a_schedule_that_was_away_for_long_makes_up_for_the_last_minutes_only() -> None:
    due = range(0, 3600, 60)
    made = [at.timestamp() for at in islice(recent(minutes(), now=3590.0), 30)]
    kept = [at for at in due if at >= 3590.0 - MADE_UP_SECONDS]
    assert made[: len(kept)] == kept
    assert made[len(kept)] == 3600


def test_the_newest_tick_is_made_up_for_however_old_it_is() -> None:
    made = [at.timestamp() for at in islice(recent(minutes(86_400), now=3 * 86_400 - 1), 3)]
    assert made == [2 * 86_400, 3 * 86_400, 4 * 86_400]


def minutes(step: int = 60) -> Iterator[datetime]:
    return (datetime.fromtimestamp(at, UTC) for at in count(0, step))
