"""``dagstead agents``: who has been heard of."""

from __future__ import annotations

import typer

from dagstead.cli.options import ConfigOption, DatabaseOption, DataOption, settings
from dagstead.cli.output import Format, FormatOption, moment, print_rows

app = typer.Typer(help="Show agents.", no_args_is_help=True)


@app.callback()
def agents() -> None:
    """Show agents."""


@app.command("list")
def list_(
    *,
    data: DataOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
    format_: FormatOption = Format.TABLE,
) -> None:
    """List agents by their heartbeats: status, queues, version.

    The queues are those that an agent really gets work of: what it asks for, cut down to what its
    token grants.

    For example: `dagstead agents list`
    """
    from dagstead.server.agent_report import report
    from dagstead.server.services import existing_store

    with existing_store(settings(data=data, database=database, config=config)) as store:
        rows = [
            {
                "agent": row.label,
                "status": str(row.status),
                "queues": row.queues,
                "deployments": row.deployments,
                "version": row.version,
                "type": row.type,
                "token": row.token,
                "last_heartbeat": moment(row.last_heartbeat),
                "errors": row.errors,
                "id": row.agent_id,
            }
            for row in report(store)
        ]
    print_rows(
        rows,
        format_,
        empty="No agent has been heard of. See `dagstead token create --kind agent --help`.",
    )
