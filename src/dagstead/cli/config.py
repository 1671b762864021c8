"""``dagstead config``: the settings in force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import typer

from dagstead.cli.administration import UrlOption, Where, chosen_target
from dagstead.cli.options import ConfigOption, DatabaseOption, DataOption, load
from dagstead.cli.output import Format, FormatOption, print_rows

app = typer.Typer(help="Show the settings.", no_args_is_help=True)


@app.callback()
def config() -> None:
    """Show the settings."""


@app.command()
def show(
    *,
    url: UrlOption = None,
    data: DataOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
    format_: FormatOption = Format.TABLE,
) -> None:
    """Print each setting in force, where it comes from, and what it is for.

    A flag wins over an environment variable (`DAGSTEAD_…`), that over the settings file, and that
    over the default. Of a server that is reached over HTTP they are those that it was started with.

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
        for each in _settings(Where(url=url, data=data, database=database, config=config))
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
