"""Two cities' temperatures, hour by hour, in 2010."""

import dagster as dg
import pandas as pd
from vega_datasets import data

from weather.climate import as_table
from weather.partitions import months


@dg.asset(group_name="cities", partitions_def=months, kinds={"pandas"})
def hourly_temperatures(context: dg.AssetExecutionContext) -> pd.DataFrame:
    """One month of both cities: a row an hour, a column a city, degrees Fahrenheit."""
    readings = {"seattle": data.seattle_temps(), "san_francisco": data.sf_temps()}
    # An hour that the change of the clocks repeats counts once, as its mean.
    cities = pd.DataFrame(
        {city: hours.groupby("date")["temp"].mean() for city, hours in readings.items()}
    )
    month = cities.loc[context.partition_time_window.start.strftime("%Y-%m")]
    context.add_output_metadata({"hours": len(month)})
    return month


@dg.asset(
    group_name="cities",
    partitions_def=months,
    automation_condition=dg.AutomationCondition.eager(),
    kinds={"pandas"},
)
def warmer_city(
    context: dg.AssetExecutionContext, hourly_temperatures: pd.DataFrame
) -> pd.DataFrame:
    """For each hour of the day: how much warmer San Francisco is, on average of the month."""
    lead = hourly_temperatures["san_francisco"] - hourly_temperatures["seattle"]
    by_hour = lead.groupby(pd.DatetimeIndex(lead.index).hour.rename("hour")).mean().round(1)
    lead_by_hour = by_hour.to_frame("degrees_warmer")
    context.add_output_metadata({"lead": as_table(lead_by_hour)})
    return lead_by_hour
