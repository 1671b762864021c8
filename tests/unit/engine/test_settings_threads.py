"""How many schedules, sensors and backfills are worked on at one time, and their runs."""

from __future__ import annotations

import time
from typing import Any

import pytest
from dagster import (
    DefaultSensorStatus,
    Definitions,
    RunRequest,
    ScheduleDefinition,
    SensorDefinition,
    StaticPartitionsDefinition,
    job,
)
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.definitions.schedule_definition import ScheduleExecutionData
from dagster._core.definitions.sensor_definition import SensorExecutionData
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._core.remote_origin import RemotePartitionSetOrigin
from dagster._core.remote_representation.external_data import (
    PartitionExecutionParamSnap,
    PartitionSetExecutionParamSnap,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    ScheduleInstigatorData,
)
from dagster_cloud.api.dagster_cloud_api import DagsterCloudApi

from tests.unit.engine.settings_seen import sees
from tests.unit.engine.settings_stage import LOCATION, Stage, job_origin

LETTERS = StaticPartitionsDefinition(["a", "b", "c"])

WORKERS = [({"use_threads": False}, 1), ({"num_workers": 2}, 2), ({}, 3)]
SUBMITTERS = [({}, 1), ({"num_submit_workers": 2}, 2), ({"num_submit_workers": 5}, 3)]


@job(name="job", partitions_def=LETTERS)
def nothing() -> None:
    """A job that nobody starts."""


def three_sensors() -> Definitions:
    return Definitions(
        jobs=[nothing],
        sensors=[
            SensorDefinition(
                name=f"sensor_{number}",
                job=nothing,
                evaluation_fn=lambda _context: None,
                default_status=DefaultSensorStatus.RUNNING,
            )
            for number in range(3)
        ],
    )


def three_schedules(stage: Stage) -> None:
    """Three schedules whose tick was due two minutes ago."""
    stage.load(
        Definitions(
            jobs=[nothing],
            schedules=[
                ScheduleDefinition(
                    name=f"schedule_{number}", job=nothing, cron_schedule="* * * * *"
                )
                for number in range(3)
            ],
        )
    )
    location = stage.workspace.create_request_context().get_code_location(LOCATION)
    (repository,) = location.get_repositories().values()
    for schedule in repository.get_schedules():
        stage.instance.add_instigator_state(
            InstigatorState(
                schedule.get_remote_origin(),
                InstigatorType.SCHEDULE,
                InstigatorStatus.RUNNING,
                ScheduleInstigatorData("* * * * *", time.time() - 120),
            )
        )


def three_backfills(stage: Stage, count: int = 3) -> None:
    stage.load(Definitions(jobs=[nothing]))
    for number in range(count):
        stage.instance.add_backfill(
            PartitionBackfill(
                backfill_id=f"backfill_{number}",
                status=BulkActionStatus.REQUESTED,
                from_failure=False,
                tags={},
                backfill_timestamp=time.time(),
                partition_set_origin=RemotePartitionSetOrigin(
                    repository_origin=job_origin().repository_origin,
                    partition_set_name="job_partition_set",
                ),
                partition_names=["a", "b", "c"],
                last_submitted_partition_name=None,
                reexecution_steps=None,
            )
        )


@sees("sensors.use_threads", "sensors.num_workers")
@pytest.mark.parametrize(("settings", "count"), WORKERS)
def test_so_many_sensors_are_evaluated_at_one_time(
    stage: Stage, settings: dict[str, Any], count: int
) -> None:
    stage.set({"sensors": settings})
    stage.load(three_sensors())
    stage.see_at_once("SENSOR", count)


@sees("schedules.use_threads", "schedules.num_workers")
@pytest.mark.parametrize(("settings", "count"), WORKERS)
def test_so_many_schedules_are_evaluated_at_one_time(
    stage: Stage, settings: dict[str, Any], count: int
) -> None:
    stage.set({"schedules": settings})
    three_schedules(stage)
    stage.see_at_once("SCHEDULER", count)


@sees("backfills.use_threads", "backfills.num_workers")
@pytest.mark.parametrize(("settings", "count"), WORKERS)
def test_so_many_backfills_are_worked_on_at_one_time(
    stage: Stage, settings: dict[str, Any], count: int
) -> None:
    stage.set({"backfills": settings})
    three_backfills(stage)
    stage.see_at_once("BACKFILL", count)


def run_requests() -> list[RunRequest]:
    return [RunRequest(run_key=letter, partition_key=letter) for letter in "abc"]


@sees("sensors.num_submit_workers")
@pytest.mark.parametrize(("settings", "count"), SUBMITTERS)
def test_so_many_runs_of_a_sensor_are_submitted_at_one_time(
    stage: Stage, settings: dict[str, Any], count: int
) -> None:
    stage.set({"sensors": {"num_workers": 1, **settings}})
    stage.load(three_sensors())
    answer = SensorExecutionData(run_requests=run_requests())
    with stage.running("SENSOR"):
        stage.answer_next(DagsterCloudApi.GET_EXTERNAL_SENSOR_EXECUTION_DATA, answer)
        stage.eventually_asks(DagsterCloudApi.GET_EXTERNAL_EXECUTION_PLAN, count)


@sees("schedules.num_submit_workers")
@pytest.mark.parametrize(("settings", "count"), SUBMITTERS)
def test_so_many_runs_of_a_schedule_are_submitted_at_one_time(
    stage: Stage, settings: dict[str, Any], count: int
) -> None:
    stage.set({"schedules": {"num_workers": 1, **settings}})
    three_schedules(stage)
    answer = ScheduleExecutionData(run_requests=run_requests())
    with stage.running("SCHEDULER"):
        stage.answer_next(DagsterCloudApi.GET_EXTERNAL_SCHEDULE_EXECUTION_DATA, answer)
        stage.eventually_asks(DagsterCloudApi.GET_EXTERNAL_EXECUTION_PLAN, count)


@sees("backfills.num_submit_workers")
@pytest.mark.parametrize(("settings", "count"), SUBMITTERS)
def test_so_many_runs_of_a_backfill_are_submitted_at_one_time(
    stage: Stage, settings: dict[str, Any], count: int
) -> None:
    stage.set({"backfills": {"num_workers": 1, **settings}})
    three_backfills(stage, 1)
    answer = PartitionSetExecutionParamSnap(
        partition_data=[
            PartitionExecutionParamSnap(name=each, tags={}, run_config={}) for each in "abc"
        ]
    )
    with stage.running("BACKFILL"):
        stage.answer_next(DagsterCloudApi.GET_EXTERNAL_PARTITION_SET_EXECUTION_PARAM_DATA, answer)
        stage.eventually_asks(DagsterCloudApi.GET_EXTERNAL_EXECUTION_PLAN, count)
