"""``dagstead config``: the settings in force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import typer

from dagstead.cli.administration import Where, chosen_target
from dagstead.cli.options import load
from dagstead.cli.options.groups import grouped
from dagstead.cli.output import Format, FormatOption, print_rows

app = typer.Typer(help="Show the settings.", no_args_is_help=True)


@app.callback()
def config() -> None:
    """Show the settings."""


@app.command()
@grouped
def show(
    *,
    where: Where,
    format_: FormatOption = Format.TABLE,
) -> None:
    """Print every setting in force, where its value comes from, and what it is for.

    A flag wins over an environment variable (`DAGSTEAD_…`), which wins over the settings file,
    which wins over the default. A server that is reached over HTTP shows the settings that it was
    started with.

    For example:

    - `dagstead config show`

    - `dagstead config show --config /etc/dagstead.toml --format json`
    """
    rows = [
        {
            "setting": each["name"],
            "value": each["value"],
            "from": each["source"],
            "purpose": each["purpose"],
        }
        for each in _settings(where)
    ]
    print_rows(rows, format_, empty="The server does not show its settings.")


def _settings(where: Where) -> Sequence[Mapping[str, Any]]:
    target = chosen_target(where)
    if target is None:
        from dagstead.server.settings_report import report

        return report(load(**where.folder))
    from dagstead.client.connection import Connection
    from dagstead.client.server_settings import ServerSettings

    with Connection(target) as connection:
        return ServerSettings(connection).all()
