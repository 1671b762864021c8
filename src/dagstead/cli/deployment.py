"""``dagstead deployment``: create, list, delete, settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from dagstead.cli.administration import administers
from dagstead.cli.asking import ask
from dagstead.cli.control_plane import Administration
from dagstead.cli.options.confirmation import YesOption
from dagstead.cli.output import Format, FormatOption, moment, print_rows, say
from dagstead.cli.yaml_files import read_yaml

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
            "closes": None if each.closes_at is None else moment(each.closes_at),
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


@app.command()
@administers
def compare(
    plane: Administration,
    name: NameArgument,
    *,
    format_: FormatOption = Format.TABLE,
) -> None:
    """List the assets that a branch deployment changes against its base.

    The base is compared as it is now, or as it was when the branch deployment was made or updated:
    see `--snapshot-base-condition` of `dagster-cloud ci init`. Assets of locations that are not in
    the branch deployment are not compared.

    For example: `dagstead deployment compare 6f1b2c8e0d4a4f7f9d3b2a1c5e7f8a90`
    """
    found = plane.deployments.compare(name)
    when = "is now" if found.taken_at is None else f"was at {moment(found.taken_at)}"
    rows = [
        {
            "asset": each.asset,
            "location": each.location,
            "changes": ", ".join(reason.lower().replace("_", " ") for reason in each.reasons),
        }
        for each in found.changes
    ]
    print_rows(rows, format_, empty=f"All assets are the same as in {found.base!r}.")
    if rows:
        say(f"Compared with {found.base!r} as it {when}.", err=True)


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

    What an older version of the server has stored and this one ignores is listed on standard error.

    For example:

    - `dagstead deployment settings prod > settings.yaml`

    - `dagstead deployment settings prod --set-from settings.yaml`
    """
    if set_from is None:
        _print_yaml(plane.deployments.settings(name))
        for reason in plane.deployments.ignored_settings(name):
            say(f"ignored: {reason}", err=True)
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
    from dagstead.errors import InvalidInputError

    value = read_yaml(file)
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
