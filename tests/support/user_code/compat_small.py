"""A location that loads fast: one job, one asset."""

# ruff: noqa: T201 - what a run prints is shown in the UI

import os

import dagster as dg


@dg.asset
def only() -> int:
    return 1


@dg.op
def whisper() -> None:
    print(f"whispered on {os.environ.get('DAGSTER_CLOUD_LOCATION_NAME')}")


@dg.job
def whispering() -> None:
    whisper()


defs = dg.Definitions(assets=[only], jobs=[whispering], executor=dg.in_process_executor)
