"""A code location that cannot be loaded while a file exists."""

import os
from pathlib import Path

import dagster as dg

if Path(os.environ["FAULT_FILE"]).exists():
    raise RuntimeError("the warehouse is down")


@dg.op
def nothing() -> None: ...


@dg.job
def nightly() -> None:
    nothing()


defs = dg.Definitions(jobs=[nightly])
