"""Runs that leave behind how often they began, and which lines they logged."""

# Dagster looks at the annotations of what it decorates: they cannot be texts here.

import time
from pathlib import Path
from uuid import uuid4

import dagster as dg

#: A line is one event.
LINES_PER_SECOND = 2


@dg.op
def work(context: dg.OpExecutionContext) -> None:
    """Log lines until the gate is opened."""
    folder = Path(context.run.tags["witness"])
    (folder / f"began-{uuid4().hex}").touch()
    lines = 0
    while not (folder / "gate").exists():
        context.log.info("line %d", lines)
        lines += 1
        (folder / "alive").touch()
        time.sleep(1 / LINES_PER_SECOND)  # noqa: TID251 - stands for work
    (folder / "lines").write_text(str(lines))


@dg.job(executor_def=dg.in_process_executor)
def working() -> None:
    work()


@dg.job(executor_def=dg.multiprocess_executor)
def stepping() -> None:
    """The same, in a process of its own."""
    work()


@dg.schedule(job=working, cron_schedule="* * * * *")
def every_minute() -> dg.SkipReason:
    """Only its ticks count."""
    return dg.SkipReason("nothing to do")


defs = dg.Definitions(jobs=[working, stepping], schedules=[every_minute])
