"""How long ticks are kept: old ones are removed when their schedule or sensor has the next one."""

from __future__ import annotations

import time
from typing import Any

import pytest
from dagster import (
    AutomationCondition,
    DefaultSensorStatus,
    Definitions,
    ScheduleDefinition,
    SensorDefinition,
    asset,
    job,
)
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.definitions.schedule_definition import ScheduleExecutionData
from dagster._core.definitions.sensor_definition import SensorExecutionData
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    ScheduleInstigatorData,
    TickData,
    TickStatus,
)
from dagster._daemon.asset_daemon import (
    _PRE_SENSOR_AUTO_MATERIALIZE_ORIGIN_ID,
    _PRE_SENSOR_AUTO_MATERIALIZE_SELECTOR_ID,
    set_auto_materialize_paused,
)
from dagster._serdes import serialize_value

from tests.unit.engine.settings_seen import sees
from tests.unit.engine.settings_stage import LOCATION, Stage

#: Dagster's own.
pytestmark = pytest.mark.filterwarnings("ignore:Function .AssetSelection.keys.:DeprecationWarning")

DAY = 24 * 3600.0
_CRON = "* * * * *"

#: Settings, and whether a tick of three days ago is kept that succeeded, and one that was skipped.
KEPT: list[tuple[dict[str, Any], bool, bool]] = [
    ({}, True, True),
    ({"purge_after_days": 2}, False, False),
    ({"purge_after_days": {"skipped": 2}}, True, False),
    ({"purge_after_days": {"skipped": -1, "success": 2}}, False, True),
]


@job
def nothing() -> None:
    """A job that nobody starts."""


@asset(automation_condition=AutomationCondition.any_deps_updated())
def quiet() -> None:
    """Nothing that it depends on ever changes."""


def old_ticks(stage: Stage, origin: str, selector: str, kind: InstigatorType) -> None:
    for status in (TickStatus.SUCCESS, TickStatus.SKIPPED):
        stage.instance.create_tick(
            TickData(
                instigator_origin_id=origin,
                instigator_name=status.value,
                instigator_type=kind,
                status=status,
                timestamp=time.time() - 3 * DAY,
                end_timestamp=time.time() - 3 * DAY,
                selector_id=selector,
                run_ids=[],
            )
        )


def kept(stage: Stage, origin: str, selector: str) -> tuple[bool, bool]:
    found = stage.instance.get_ticks(origin, selector)
    names = {tick.instigator_name for tick in found if tick.timestamp < time.time() - DAY}
    assert len(found) > len(names), "there was a new tick"
    return TickStatus.SUCCESS.value in names, TickStatus.SKIPPED.value in names


@sees("retention.sensor.purge_after_days")
@pytest.mark.parametrize(("settings", "success", "skipped"), KEPT)
def test_ticks_of_sensors(
    stage: Stage, settings: dict[str, Any], *, success: bool, skipped: bool
) -> None:
    stage.set({"retention": {"sensor": settings}, "sensors": {"use_threads": False}})
    sensor = SensorDefinition(
        name="sensor",
        job=nothing,
        evaluation_fn=lambda _context: None,
        default_status=DefaultSensorStatus.RUNNING,
    )
    stage.load(Definitions(jobs=[nothing], sensors=[sensor]))
    location = stage.workspace.create_request_context().get_code_location(LOCATION)
    (repository,) = location.get_repositories().values()
    (remote,) = repository.get_sensors()
    ids = (remote.get_remote_origin_id(), remote.selector_id)
    old_ticks(stage, *ids, InstigatorType.SENSOR)

    nothing_to_do = serialize_value(SensorExecutionData(skip_message="nothing to do"))
    with stage.answering(lambda _: nothing_to_do):
        stage.rounds("SENSOR", 1)
    assert kept(stage, *ids) == (success, skipped)


@sees("retention.schedule.purge_after_days")
@pytest.mark.parametrize(("settings", "success", "skipped"), KEPT)
def test_ticks_of_schedules(
    stage: Stage, settings: dict[str, Any], *, success: bool, skipped: bool
) -> None:
    stage.set({"retention": {"schedule": settings}, "schedules": {"use_threads": False}})
    schedule = ScheduleDefinition(name="schedule", job=nothing, cron_schedule=_CRON)
    stage.load(Definitions(jobs=[nothing], schedules=[schedule]))
    location = stage.workspace.create_request_context().get_code_location(LOCATION)
    (repository,) = location.get_repositories().values()
    (remote,) = repository.get_schedules()
    stage.instance.add_instigator_state(
        InstigatorState(
            remote.get_remote_origin(),
            InstigatorType.SCHEDULE,
            InstigatorStatus.RUNNING,
            ScheduleInstigatorData(_CRON, time.time() - 70),
        )
    )
    ids = (remote.get_remote_origin_id(), remote.selector_id)
    old_ticks(stage, *ids, InstigatorType.SCHEDULE)

    nothing_to_do = serialize_value(ScheduleExecutionData(skip_message="nothing to do"))
    with stage.answering(lambda _: nothing_to_do):
        stage.rounds("SCHEDULER", 1)
    assert kept(stage, *ids) == (success, skipped)


@sees("retention.auto_materialize.purge_after_days")
@pytest.mark.parametrize(("settings", "success", "skipped"), KEPT)
def test_ticks_of_automation_without_sensors(
    stage: Stage, settings: dict[str, Any], *, success: bool, skipped: bool
) -> None:
    instance = stage.set(
        {"retention": {"auto_materialize": settings}, "auto_materialize": {"use_sensors": False}}
    )
    set_auto_materialize_paused(instance, paused=False)
    stage.load(Definitions(assets=[quiet]))
    ids = (_PRE_SENSOR_AUTO_MATERIALIZE_ORIGIN_ID, _PRE_SENSOR_AUTO_MATERIALIZE_SELECTOR_ID)
    old_ticks(stage, *ids, InstigatorType.AUTO_MATERIALIZE)

    stage.rounds("ASSET", 1)
    assert kept(stage, *ids) == (success, skipped)
