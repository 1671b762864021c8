"""Seattle's daily weather, year by year, and what stands out in all of it."""

from collections.abc import Iterator

import dagster as dg
import pandas as pd
from vega_datasets import data

from weather.partitions import years

_ONE_RECORD_A_DAY = dg.AssetCheckSpec(
    "one_record_a_day",
    asset="daily_weather",
    description="No day of the year is missing or twice, and no low is above its high.",
)


@dg.asset(
    group_name="climate",
    partitions_def=years,
    check_specs=[_ONE_RECORD_A_DAY],
    kinds={"pandas"},
)
def daily_weather(
    context: dg.AssetExecutionContext,
) -> Iterator[dg.Output[pd.DataFrame] | dg.AssetCheckResult]:
    """One year of daily records: rain in mm, temperatures in degrees Celsius, wind in m/s."""
    records = data.seattle_weather()
    year = records[records["date"].dt.year == int(context.partition_key)]
    yield dg.Output(year, metadata={"days": len(year), "preview": as_table(year.head())})

    missing = days_in(context.partition_key).difference(pd.DatetimeIndex(year["date"]))
    repeated = int(year["date"].duplicated().sum())
    crossed = int((year["temp_min"] > year["temp_max"]).sum())
    yield dg.AssetCheckResult(
        check_name=_ONE_RECORD_A_DAY.name,
        passed=not (len(missing) or repeated or crossed),
        metadata={"missing": len(missing), "repeated": repeated, "crossed": crossed},
    )


@dg.asset(group_name="climate", partitions_def=years, kinds={"pandas"})
def monthly_climate(context: dg.AssetExecutionContext, daily_weather: pd.DataFrame) -> pd.DataFrame:
    """Each month of a year: rain, dry days, and the mean of the highs and lows."""
    by_month = daily_weather.groupby(daily_weather["date"].dt.month.rename("month"))
    climate = by_month.agg(
        rain_mm=("precipitation", "sum"),
        dry_days=("precipitation", lambda fallen: int((fallen == 0).sum())),
        mean_high=("temp_max", "mean"),
        mean_low=("temp_min", "mean"),
    ).round(1)
    context.add_output_metadata({"climate": as_table(climate)})
    return climate


@dg.asset(group_name="climate", kinds={"pandas"})
def records(
    context: dg.AssetExecutionContext, daily_weather: dict[str, pd.DataFrame]
) -> pd.DataFrame:
    """The hottest, coldest, wettest and windiest day of all years that are there."""
    days = pd.concat(daily_weather.values(), ignore_index=True)
    extremes = {
        "hottest": days["temp_max"].idxmax(),
        "coldest": days["temp_min"].idxmin(),
        "wettest": days["precipitation"].idxmax(),
        "windiest": days["wind"].idxmax(),
    }
    found = days.loc[list(extremes.values())].set_axis(list(extremes), axis="index")
    context.add_output_metadata({"years": len(daily_weather), "records": as_table(found)})
    return found


def days_in(year: str) -> pd.DatetimeIndex:
    """Every day of a year."""
    return pd.date_range(f"{year}-01-01", f"{year}-12-31", freq="D")


def as_table(frame: pd.DataFrame) -> dg.MarkdownMetadataValue:
    """A small frame, as the table that Dagster's pages show."""
    columns = [frame.index.name or "", *map(str, frame.columns)]
    rows = [columns, ["---"] * len(columns)]
    rows += [[str(value) for value in row] for row in frame.itertuples()]
    return dg.MetadataValue.md("\n".join(f"| {' | '.join(row)} |" for row in rows))
