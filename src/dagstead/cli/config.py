"""``dagstead config``: the settings in force."""

from __future__ import annotations

import typer

from dagstead.cli.options import ConfigOption, DatabaseOption, DataOption, load
from dagstead.cli.output import Format, FormatOption, print_rows

app = typer.Typer(help="Show the settings.", no_args_is_help=True)


@app.callback()
def config() -> None:
    """Show the settings."""


@app.command()
def show(
    *,
    data: DataOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
    format_: FormatOption = Format.TABLE,
) -> None:
    """Print each setting in force, where it comes from, and what it is for.

    A flag wins over an environment variable (`DAGSTEAD_…`), that over the settings file, and that
    over the default.

    For example:

    - `dagstead config show`

    - `dagstead config show --config /etc/dagstead.toml --format json`
    """
    from dagstead.server.settings_report import report

    loaded = load(data=data, database=database, config=config)
    print_rows(report(loaded), format_, empty="")
