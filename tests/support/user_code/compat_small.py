"""A location that loads fast, unless a file is there that must not be: one job, one asset.

While the file says "hang", loading does not end.
"""

# ruff: noqa: T201 - what a run prints is shown in the UI

import os
import time
from contextlib import suppress
from pathlib import Path

import dagster as dg

fault = Path(os.environ.get("FAULT_FILE", "/nowhere"))
with suppress(FileNotFoundError):
    while fault.read_text(encoding="utf-8") == "hang":
        time.sleep(0.2)  # noqa: TID251 - it hangs
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
