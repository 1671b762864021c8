"""``dagstead deployment``: create, list, delete, settings."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from dagstead.cli.administration import administers
from dagstead.cli.asking import ask
from dagstead.cli.control_plane import Administration
from dagstead.cli.options.confirmation import YesOption
from dagstead.cli.output import Format, FormatOption, moment, print_rows, say

app = typer.Typer(help="Create, list, set up and delete deployments.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(help="Name of the deployment.")]


@app.command()
@administers
def create(
    plane: Administration,
    name: NameArgument,
) -> None:
    """Create a full deployment. Deploying a branch creates its branch deployment by itself.

    For example: `dagstead deployment create staging`
    """
    plane.deployments.create(name)
    say(f"Created deployment {name!r}. Its page is /{name}/ on this control plane.")


@app.command("list")
@administers
def list_(
    plane: Administration,
    *,
    format_: FormatOption = Format.TABLE,
) -> None:
    """List all deployments, including branch deployments.

    For example: `dagstead deployment list --format json`
    """
    rows = [
        {
            "name": each.name,
            "kind": "branch" if each.is_branch else "full",
            "status": "closed" if each.is_closed else "open",
            "branch": f"{each.repository} {each.branch}" if each.is_branch else None,
            "locations": each.locations,
            "created": moment(each.created_at),
        }
        for each in plane.deployments.all()
    ]
    print_rows(
        rows,
        format_,
        empty="There are no deployments. Create one: `dagstead deployment create prod`.",
    )


@app.command()
@administers
def delete(
    plane: Administration,
    name: NameArgument,
    yes: YesOption = False,  # noqa: FBT002
) -> None:
    """Delete a deployment with its locations, runs, events and files.

    It asks first, and ends the runs that are under way. The last full deployment cannot be deleted.

    For example: `dagstead deployment delete staging --yes`
    """
    plane.deployments.require(name)
    if not yes:
        _ask(name, len(plane.deployments.runs_under_way(name)))
    deleted = plane.deployments.delete(name)
    if deleted.ended_runs:
        say(f"Ended {_runs(len(deleted.ended_runs))}.")
    say(f"Deleted deployment {name!r}.")
    if deleted.left_runs:
        say(
            f"warning: {_runs(len(deleted.left_runs))} could not be ended in time: "
            f"{', '.join(deleted.left_runs)}. The workers are refused from now on, and end at "
            "their next event. Look at their agent if it takes longer.",
            err=True,
        )


@app.command("settings")
@administers
def settings_(
    plane: Administration,
    name: NameArgument,
    set_from: Annotated[
        Path | None,
        typer.Option(
            "--set-from",
            metavar="FILE",
            help="Replace the settings with those in this YAML or JSON file; - is standard input.",
        ),
    ] = None,
) -> None:
    """Print a deployment's settings as YAML, or replace them.

    For example:

    - `dagstead deployment settings prod > settings.yaml`

    - `dagstead deployment settings prod --set-from settings.yaml`
    """
    if set_from is None:
        _print_yaml(plane.deployments.settings(name))
        return
    plane.deployments.require(name)
    plane.deployments.set_settings(name, _read(set_from))
    say(f"Replaced the settings of {name!r}.")


def _ask(name: str, under_way: int) -> None:
    if under_way:
        be = "is" if under_way == 1 else "are"
        say(f"{_runs(under_way)} of {name!r} {be} under way, and will be ended.", err=True)
    ask(f"Delete {name!r} with all its runs and their history?")


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"


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
        msg = f"{file} must be a mapping of settings, such as `run_queue:` and `run_monitoring:`."
        raise InvalidInputError(msg)
    # `dagster-cloud deployment settings` writes this key around them.
    inner = value.get("settings")
    return inner if isinstance(inner, dict) and len(value) == 1 else value


def _print_yaml(value: Any) -> None:
    import yaml

    say(yaml.safe_dump(dict(value), sort_keys=True), end="")
