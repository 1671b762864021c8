"""A location that loads fast, unless a file is there that must not be: one job, one asset."""

# ruff: noqa: T201 - what a run prints is shown in the UI

import os
from pathlib import Path

import dagster as dg

if "FAULT_FILE" in os.environ and Path(os.environ["FAULT_FILE"]).exists():
    raise RuntimeError("the warehouse is down")


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
