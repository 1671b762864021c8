"""Jobs that do nothing, so that what is measured is what surrounds them."""

from dagster import (
    Definitions,
    OpExecutionContext,
    in_process_executor,
    job,
    multiprocess_executor,
    op,
)


@op
def nothing(_context: OpExecutionContext) -> None:
    """Do nothing."""


@job(executor_def=in_process_executor)
def one_op() -> None:
    """One op, in the run's own process."""
    nothing()


@job(executor_def=in_process_executor, tags={"dagster/isolation": "disabled"})
def not_isolated() -> None:
    """One op, in a process of the code server, where there is a choice."""
    nothing()


@job(executor_def=multiprocess_executor)
def five_ops() -> None:
    """Five ops, each in a process of its own."""
    for number in range(5):
        nothing.alias(f"nothing_{number}")()


defs = Definitions(jobs=[one_op, not_isolated, five_ops])
