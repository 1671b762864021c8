"""The periods that the records cover, a partition each."""

import dagster as dg

#: Daily records of Seattle, 2012 to 2015.
years = dg.TimeWindowPartitionsDefinition(
    start="2012", end="2016", fmt="%Y", cron_schedule="0 0 1 1 *"
)

#: Hourly temperatures of Seattle and San Francisco in 2010.
months = dg.MonthlyPartitionsDefinition(start_date="2010-01-01", end_date="2011-01-01")
