"""``dagstead location``: what is deployed."""

from __future__ import annotations

from typing import Annotated

import typer

from dagstead.cli.options import ConfigOption, DatabaseOption, DataOption, settings
from dagstead.cli.output import Format, FormatOption, moment, print_rows

app = typer.Typer(help="Show code locations.", no_args_is_help=True)


@app.callback()
def location() -> None:
    """Show code locations."""


@app.command("list")
def list_(
    *,
    deployment: Annotated[
        str | None, typer.Option("--deployment", help="Only those of this deployment.")
    ] = None,
    data: DataOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
    format_: FormatOption = Format.TABLE,
) -> None:
    """List code locations: their queue, how far loading has come, and what failed.

    For example: `dagstead location list --deployment prod`
    """
    from dagstead.control.actor import COMMAND_LINE
    from dagstead.engine.location_entries import failure_of
    from dagstead.model.queues import describe_queue
    from dagstead.server.services import existing_control

    with existing_control(settings(data=data, database=database, config=config)) as control:
        deployments = control.deployments
        chosen = (
            [deployments.named(COMMAND_LINE, deployment)]
            if deployment
            else deployments.granted(COMMAND_LINE)
        )
        rows = [
            {
                "deployment": each.deployment,
                "location": each.name,
                "state": str(each.shown_state),
                "queue": describe_queue(each.queue),
                "serves_older_definitions": (
                    each.manifest is not None and each.manifest_deploy_id != each.deploy_id
                ),
                "deployed": moment(each.timestamp),
                "failure": failure_of(each),
            }
            for one in chosen
            for each in control.locations.all(COMMAND_LINE, one)
        ]
    print_rows(rows, format_, empty="Nothing is deployed yet: `dagster-cloud ci deploy` does it.")
