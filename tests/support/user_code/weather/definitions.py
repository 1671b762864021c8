"""An asset of the example's."""

import dagster as dg


@dg.asset
def daily_weather() -> None:
    """Nothing is read here."""


defs = dg.Definitions(assets=[daily_weather])
