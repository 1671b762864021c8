"""``dagstead location``: the code locations that are deployed."""

from __future__ import annotations

from typing import Annotated

import typer

from dagstead.cli.administration import administers
from dagstead.cli.control_plane import Administration
from dagstead.cli.output import Format, FormatOption, moment, print_rows

app = typer.Typer(help="Show code locations.", no_args_is_help=True)


@app.callback()
def location() -> None:
    """Show code locations."""


@app.command("list")
@administers
def list_(
    plane: Administration,
    *,
    deployment: Annotated[
        str | None, typer.Option("--deployment", help="List only locations of this deployment.")
    ] = None,
    format_: FormatOption = Format.TABLE,
) -> None:
    """List code locations with their state, queue and errors.

    For example: `dagstead location list --deployment prod`
    """
    from dagstead.model.queues import describe_queue

    rows = [
        {
            "deployment": each.deployment,
            "location": each.name,
            "state": each.state,
            "queue": describe_queue(each.queue),
            "serves_older_definitions": each.serves_older_definitions,
            "deployed": moment(each.deployed_at),
            "failure": each.failure,
        }
        for each in plane.locations.all(deployment)
    ]
    print_rows(
        rows, format_, empty="Nothing is deployed yet. Deploy a repository with `dagstead deploy`."
    )
