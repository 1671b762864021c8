"""What runs by itself: a schedule that goes through the years, a sensor that follows it."""

from collections.abc import Iterator

import dagster as dg

from weather.climate import daily_weather, monthly_climate, records
from weather.partitions import years

climate_job = dg.define_asset_job(
    "climate_job",
    selection=dg.AssetSelection.assets(daily_weather, monthly_climate),
    description="One year's records and its climate.",
)

records_job = dg.define_asset_job(
    "records_job",
    selection=dg.AssetSelection.assets(records),
    description="The records of all years that were loaded so far.",
)

cities_job = dg.define_asset_job(
    "cities_job",
    selection=dg.AssetSelection.groups("cities"),
    description="One month of both cities.",
)


@dg.schedule(job=climate_job, cron_schedule="0 6 * * *", execution_timezone="America/Los_Angeles")
def a_year_a_day(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    """Every morning load the next year, in turn: a late correction is picked up in four days."""
    all_years = years.get_partition_keys()
    morning = context.scheduled_execution_time
    year = all_years[morning.toordinal() % len(all_years)]
    return dg.RunRequest(run_key=morning.date().isoformat(), partition_key=year)


@dg.asset_sensor(asset_key=dg.AssetKey("monthly_climate"), job=records_job)
def after_each_year(
    context: dg.SensorEvaluationContext, event: dg.EventLogEntry
) -> Iterator[dg.RunRequest]:
    """Look for new records whenever a year was loaded."""
    context.log.info("A year was loaded by run %s.", event.run_id)
    yield dg.RunRequest(run_key=event.run_id)
