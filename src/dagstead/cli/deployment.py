"""``dagstead deployment``: create, list, delete, settings."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from dagstead.cli.options import ConfigOption, DatabaseOption, DataOption, settings
from dagstead.cli.output import Format, FormatOption, moment, print_rows

app = typer.Typer(help="Create, list, set up and delete deployments.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(help="The deployment's name.")]


@app.command()
def create(
    name: NameArgument,
    data: DataOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Create a full deployment. The CLI makes branch deployments itself.

    For example: `dagstead deployment create staging`
    """
    from dagstead.control.actor import COMMAND_LINE
    from dagstead.server.services import existing_control

    with existing_control(settings(data=data, database=database, config=config)) as control:
        control.deployments.create(COMMAND_LINE, name)
    print(f"Deployment {name!r} is made. Its page is at /{name}/ of this control plane.")


@app.command("list")
def list_(
    *,
    data: DataOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
    format_: FormatOption = Format.TABLE,
) -> None:
    """List all deployments, branch deployments too.

    For example: `dagstead deployment list --format json`
    """
    from dagstead.control.actor import COMMAND_LINE
    from dagstead.server.services import existing_control

    with existing_control(settings(data=data, database=database, config=config)) as control:
        rows = [
            {
                "name": each.name,
                "kind": str(each.kind),
                "status": "closed" if each.closed else "open",
                "branch": each.branch and f"{each.branch.repo_name} {each.branch.branch_name}",
                "locations": len(control.locations.all(COMMAND_LINE, each)),
                "created": moment(each.created_at),
            }
            for each in control.deployments.granted(COMMAND_LINE)
        ]
    print_rows(rows, format_, empty="There is none. Make one: `dagstead deployment create prod`.")


@app.command()
def delete(
    name: NameArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,  # noqa: FBT002
    data: DataOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Delete a deployment with its locations, runs, events and files; the last full one stays.

    For example: `dagstead deployment delete staging --yes`
    """
    from dagstead.control.actor import COMMAND_LINE
    from dagstead.server.services import existing_control

    with existing_control(settings(data=data, database=database, config=config)) as control:
        deployment = control.deployments.named(COMMAND_LINE, name)
        if not yes:
            typer.confirm(f"Delete {name!r} with all its runs and their history?", abort=True)
        control.deployments.delete(COMMAND_LINE, deployment)
    print(f"Deployment {name!r} is deleted.")


@app.command("settings")
def settings_(
    name: NameArgument,
    set_from: Annotated[
        Path | None,
        typer.Option(
            "--set-from",
            metavar="FILE",
            help="Replace the settings by those of this YAML or JSON file; - is standard input.",
        ),
    ] = None,
    data: DataOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Print a deployment's settings as YAML, or replace them.

    For example:

    - `dagstead deployment settings prod > settings.yaml`

    - `dagstead deployment settings prod --set-from settings.yaml`
    """
    from dagstead.control.actor import COMMAND_LINE
    from dagstead.server.services import existing_control

    with existing_control(settings(data=data, database=database, config=config)) as control:
        deployment = control.deployments.named(COMMAND_LINE, name)
        if set_from is None:
            _print_yaml(deployment.settings)
            return
        control.deployments.set_settings(COMMAND_LINE, deployment, _read(set_from))
    print(f"The settings of {name!r} are replaced.")


def _read(file: Path) -> dict[str, Any]:
    import yaml

    from dagstead.errors import InvalidInputError

    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
        value = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        msg = f"{file} cannot be read: {' '.join(str(error).split())}."
        raise InvalidInputError(msg) from error
    if value is None:
        return {}
    if not isinstance(value, dict):
        msg = f"{file} must hold settings by name, such as `run_queue:` and `run_monitoring:`."
        raise InvalidInputError(msg)
    # As `dagster-cloud deployment settings` writes them.
    inner = value.get("settings")
    return inner if isinstance(inner, dict) and len(value) == 1 else value


def _print_yaml(value: Any) -> None:
    import yaml

    print(yaml.safe_dump(dict(value), sort_keys=True), end="")
