"""The flow that is compared with a job of one op."""

from prefect import flow, serve, task


@task  # type: ignore[untyped-decorator]
def nothing() -> None:
    """Do nothing."""


@flow(name="one_op")  # type: ignore[untyped-decorator]
def one_op() -> None:
    """Do it once."""
    nothing()


if __name__ == "__main__":
    serve(one_op.to_deployment("one_op"))
