"""An asset of the example's."""

import dagster as dg


@dg.asset
def images() -> None:
    """Nothing is read here."""


defs = dg.Definitions(assets=[images])
