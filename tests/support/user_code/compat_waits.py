"""Jobs of which one waits for the other, and code that does not load while a file is there."""

import time

import dagster as dg
from compat_small import whispering  # type: ignore[import-not-found]


@dg.op(pool="narrow")
def hold() -> None:
    # A run can be interrupted between two waits.
    for _ in range(600):
        time.sleep(0.5)  # noqa: TID251 - stands for work


@dg.job
def holding() -> None:
    hold()


defs = dg.Definitions(jobs=[holding, whispering], executor=dg.in_process_executor)
