"""Running schedules that do not tick are found, and no others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from dagster import DefaultScheduleStatus, Definitions, ScheduleDefinition, job, op
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_representation.external import RemoteSchedule
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    ScheduleInstigatorData,
    TickData,
    TickStatus,
)

from dagstead.control.actor import SYSTEM
from dagstead.plane.late_schedules import LATE_SECONDS
from dagstead.plane.problems import ProblemKind, Weight
from tests.unit.engine.settings_stage import LOCATION, Stage


@op
def nothing() -> None:
    """Do nothing."""


@job
def quiet() -> None:
    nothing()


#: In Kolkata it is half an hour later than elsewhere.
DEFINITIONS = Definitions(
    schedules=[
        ScheduleDefinition(name="hourly", job=quiet, cron_schedule="0 * * * *"),
        ScheduleDefinition(
            name="nightly",
            job=quiet,
            cron_schedule="0 5 * * *",
            execution_timezone="Asia/Kolkata",
            default_status=DefaultScheduleStatus.RUNNING,
        ),
    ]
)


@dataclass(frozen=True)
class Schedules:
    """The schedules of a location, and their ticks."""

    stage: Stage

    def schedule(self, name: str) -> RemoteSchedule:
        stage = self.stage
        location = stage.store.locations.get(stage.name, LOCATION)
        made = stage.instances.definitions.location(
            stage.deployment, LOCATION, location.manifest or ""
        )
        (repository,) = made.get_repositories().values()
        return repository.get_schedule(name)

    def ticks(self, name: str, at: float) -> None:
        schedule = self.schedule(name)
        self.stage.instance.create_tick(
            TickData(
                schedule.get_remote_origin_id(),
                schedule.name,
                InstigatorType.SCHEDULE,
                TickStatus.SKIPPED,
                at,
                selector_id=schedule.selector_id,
            )
        )

    def late(self) -> list[str]:
        now = self.stage.clock()
        found = self.stage.instances.orchestration.late_schedules(
            self.stage.deployment, now, is_whole=False
        )
        return [each.name for each in found]


def at(hour: int, minute: int, day: int = 20) -> float:
    return datetime(2033, 6, day, hour, minute, tzinfo=UTC).timestamp()


@pytest.fixture
def schedules(stage: Stage) -> Schedules:
    stage.clock.advance(at(10, 30) - stage.clock())
    stage.load(DEFINITIONS)
    made = Schedules(stage)
    stage.instance.start_schedule(made.schedule("hourly"))
    return made


@pytest.fixture
def until(schedules: Schedules) -> Callable[[float], None]:
    clock = schedules.stage.clock
    return lambda moment: clock.advance(moment - clock())


def test_what_ticks_is_not_late(schedules: Schedules, until: Callable[[float], None]) -> None:
    assert schedules.late() == []
    until(at(11, 1))
    assert schedules.late() == [], "the daemon looks only now and then"
    schedules.ticks("hourly", at(11, 0))
    until(at(11, 59))
    assert schedules.late() == []


def test_what_does_not_tick_is_late_until_it_does(
    schedules: Schedules, until: Callable[[float], None]
) -> None:
    schedules.ticks("hourly", at(11, 0))
    until(at(12, 0) + LATE_SECONDS + 1)
    assert schedules.late() == ["hourly"]
    problem = next(
        each
        for each in schedules.stage.instances.control.overview.problems(SYSTEM)
        if each.kind is ProblemKind.SCHEDULE
    )
    assert (problem.title, problem.weight) == ("Schedule hourly is late", Weight.WRONG)
    assert (problem.deployment, problem.object, problem.since) == ("prod", LOCATION, at(12, 0))
    assert "The last tick was at 2033-06-20 11:00:00 UTC." in problem.says
    schedules.ticks("hourly", at(12, 0))
    until(at(12, 20))
    assert schedules.late() == []


def test_its_own_time_zone_counts(schedules: Schedules, until: Callable[[float], None]) -> None:
    schedules.stage.instance.stop_schedule(
        schedules.schedule("hourly").get_remote_origin_id(),
        schedules.schedule("hourly").selector_id,
        schedules.schedule("hourly"),
    )
    # As the daemon does when it sees it for the first time.
    nightly = schedules.schedule("nightly")
    schedules.stage.instance.add_instigator_state(
        InstigatorState(
            nightly.get_remote_origin(),
            InstigatorType.SCHEDULE,
            InstigatorStatus.DECLARED_IN_CODE,
            ScheduleInstigatorData("0 5 * * *", start_timestamp=at(10, 31)),
        )
    )
    until(at(23, 30) - 60)
    assert schedules.late() == []
    until(at(23, 30) + LATE_SECONDS + 1)
    assert schedules.late() == ["nightly"]


def test_a_new_deploy_may_have_another_time(
    schedules: Schedules, until: Callable[[float], None]
) -> None:
    until(at(12, 20))
    assert schedules.late() == ["hourly"]
    schedules.stage.store.locations.reload("prod", [LOCATION])
    until(at(12, 40))
    assert schedules.late() == []
    until(at(13, 10))
    assert schedules.late() == ["hourly"]


def test_a_pause_is_no_reason_to_call_anybody(
    schedules: Schedules, until: Callable[[float], None]
) -> None:
    until(at(12, 20))
    control = schedules.stage.instances.control
    control.pauses.begin(SYSTEM, everything=False)
    kinds = {each.kind for each in control.overview.problems(SYSTEM)}
    assert ProblemKind.SCHEDULE not in kinds


def test_what_was_asked_a_moment_ago_is_not_asked_again(
    schedules: Schedules, until: Callable[[float], None]
) -> None:
    until(at(12, 20))
    assert schedules.late() == ["hourly"]
    schedules.ticks("hourly", at(12, 0))
    assert schedules.late() == ["hourly"]
    until(at(12, 20) + 61)
    assert schedules.late() == []
