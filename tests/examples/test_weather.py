from __future__ import annotations

import datetime as dt

import dagster as dg
import pandas as pd
import pytest
from vega_datasets import data

from weather import climate
from weather.automation import a_year_a_day, after_each_year
from weather.definitions import defs


@pytest.mark.parametrize(("year", "days"), [("2012", 366), ("2013", 365)])
def test_a_year_is_loaded_checked_and_summed_up(
    instance: dg.DagsterInstance, year: str, days: int
) -> None:
    job = defs.resolve_job_def("climate_job")

    result = job.execute_in_process(partition_key=year, instance=instance)

    assert len(result.output_for_node("daily_weather")) == days
    climate = result.output_for_node("monthly_climate")
    assert list(climate.index) == list(range(1, 13))
    # Seattle: dry summers, wet winters.
    assert climate["rain_mm"][7] < climate["rain_mm"][11]
    assert [check.passed for check in result.get_asset_check_evaluations()] == [True]


def test_the_check_notices_a_missing_day(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Damaged:
        def seattle_weather(self) -> pd.DataFrame:
            records: pd.DataFrame = data.seattle_weather()
            return records[records["date"] != "2014-07-04"]

    monkeypatch.setattr(climate, "data", Damaged())

    result = defs.resolve_job_def("climate_job").execute_in_process(
        partition_key="2014", instance=instance
    )

    (check,) = result.get_asset_check_evaluations()
    assert not check.passed
    assert check.metadata["missing"].value == 1


def test_records_are_those_of_all_years(instance: dg.DagsterInstance) -> None:
    for year in ("2012", "2013", "2014", "2015"):
        job = defs.resolve_job_def("climate_job")
        assert job.execute_in_process(partition_key=year, instance=instance).success

    result = defs.resolve_job_def("records_job").execute_in_process(instance=instance)

    records = result.output_for_node("records")
    every_day = pd.concat(
        [
            defs.load_asset_value("daily_weather", partition_key=year, instance=instance)
            for year in ("2012", "2013", "2014", "2015")
        ]
    )
    assert records.loc["hottest", "temp_max"] == every_day["temp_max"].max()
    assert records.loc["wettest", "precipitation"] == every_day["precipitation"].max()


def test_a_month_of_two_cities(instance: dg.DagsterInstance) -> None:
    result = defs.resolve_job_def("cities_job").execute_in_process(
        partition_key="2010-12-01", instance=instance
    )

    assert list(result.output_for_node("hourly_temperatures").columns) == [
        "seattle",
        "san_francisco",
    ]
    lead = result.output_for_node("warmer_city")
    assert len(lead) == 24
    # San Francisco is the warmer city all through a December day.
    assert (lead["degrees_warmer"] > 0).all()


def test_the_schedule_takes_every_year_in_four_days() -> None:
    mornings = [dt.datetime(2026, 1, day, 14, tzinfo=dt.UTC) for day in range(1, 5)]
    ticks = [
        a_year_a_day.evaluate_tick(
            dg.build_schedule_context(
                scheduled_execution_time=morning, repository_def=defs.get_repository_def()
            )
        )
        for morning in mornings
    ]
    years = {request.partition_key for tick in ticks for request in tick.run_requests or ()}

    assert years == {"2012", "2013", "2014", "2015"}


def test_the_sensor_asks_for_records_once_a_loaded_year(instance: dg.DagsterInstance) -> None:
    repository = defs.get_repository_def()
    run = defs.resolve_job_def("climate_job").execute_in_process(
        partition_key="2015", instance=instance
    )

    context = dg.build_sensor_context(instance=instance, repository_def=repository)
    first = after_each_year.evaluate_tick(context)
    again = after_each_year.evaluate_tick(
        dg.build_sensor_context(instance=instance, repository_def=repository, cursor=first.cursor)
    )

    assert [request.run_key for request in first.run_requests or ()] == [run.run_id]
    assert not again.run_requests
