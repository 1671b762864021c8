"""``dagstead release``: list, show and compare releases, and go back."""

from __future__ import annotations

import difflib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dagstead.cli.administration import administers
from dagstead.cli.control_plane import Administration
from dagstead.cli.following import errors_of, finish, follow, step_of
from dagstead.cli.options.release import RollbackFlags
from dagstead.cli.options.target import DeploymentOption, deployment_of
from dagstead.cli.output import Format, FormatOption, moment, print_json, print_rows

if TYPE_CHECKING:
    from dagstead.client.releases import Release, ReleasePart

app = typer.Typer(help="Show releases, compare them, and go back.", no_args_is_help=True)

NumberArgument = Annotated[int, typer.Argument(metavar="NUMBER", help="Number of the release.")]


@app.command("list")
@administers
def list_(
    plane: Administration,
    *,
    limit: Annotated[int, typer.Option("--limit", help="How many releases to list.", min=1)] = 20,
    deployment: DeploymentOption = None,
    format_: FormatOption = Format.TABLE,
) -> None:
    """List releases, newest first: state, commit, locations, and who began them.

    For example: `dagstead release list --deployment prod`
    """
    found = plane.releases(deployment_of(deployment)).newest(limit)
    rows = [
        {
            "release": each.number,
            "state": each.state,
            "cause": each.cause if each.back_to is None else f"back to {each.back_to}",
            "commit": (each.commit_hash or "")[:12] or None,
            "locations": [part.location for part in each.parts],
            "by": each.by,
            "begun": moment(each.created_at),
            "ended": moment(each.ended_at),
        }
        for each in found
    ]
    print_rows(rows, format_, empty="There are no releases yet. Make one: `dagstead deploy`.")


@app.command()
@administers
def show(
    plane: Administration,
    number: NumberArgument,
    *,
    deployment: DeploymentOption = None,
    format_: FormatOption = Format.TABLE,
) -> None:
    """Show one release: the state of every location, and the errors of those that did not load.

    For example: `dagstead release show 12`
    """
    found = plane.releases(deployment_of(deployment)).show(number)
    if format_ is Format.JSON:
        print_json(asdict(found))
        return
    for name, value in _facts(found).items():
        if value:
            print(f"{name}: {value}")
    print()
    rows: list[dict[str, Any]] = [
        {"location": each.location, "queue": each.queue, "state": each.state, "now": step_of(each)}
        for each in found.parts
    ]
    print_rows(rows, format_, empty="The release has no locations.")
    for error in errors_of(found):
        print(f"\n{error}")


@app.command()
@administers
def rollback(
    plane: Administration,
    number: Annotated[
        int | None,
        typer.Argument(
            metavar="[NUMBER]",
            help="Number of the release to go back to; by default the one before the current one.",
            show_default=False,
        ),
    ] = None,
    *,
    deployment: DeploymentOption = None,
    release: RollbackFlags,
    format_: FormatOption = Format.TABLE,
) -> None:
    """Go back to what was live after an earlier release, in a new release with the same checks.

    Locations that were added later are removed, and those that were removed come back. Nothing is
    built.

    For example:

    `dagstead release rollback` goes back to the release before the current one

    `dagstead release rollback 12 --deployment prod` goes back to release 12
    """
    name = deployment_of(deployment)
    releases = plane.releases(name)
    begun = releases.roll_back(number)
    typer.echo(f"Release {begun.number} goes back to release {begun.back_to}.", err=True)
    if begun.removes:
        typer.echo(f"It removes: {', '.join(begun.removes)}", err=True)
    finish(follow(releases, begun, release), format_, name)


@app.command()
@administers
def diff(
    plane: Administration,
    older: Annotated[int, typer.Argument(metavar="OLDER", help="Number of the older release.")],
    newer: Annotated[int, typer.Argument(metavar="NEWER", help="Number of the newer release.")],
    *,
    deployment: DeploymentOption = None,
) -> None:
    """Compare the configuration that two releases deployed, location by location.

    For example: `dagstead release diff 11 12`
    """
    releases = plane.releases(deployment_of(deployment))
    before, after = releases.show(older), releases.show(newer)
    lines = list(_difference(before, after))
    if not lines:
        typer.echo(f"Releases {older} and {newer} deployed the same configuration.", err=True)
    for line in lines:
        print(line)


def _difference(before: Release, after: Release) -> list[str]:
    lines: list[str] = []
    old = {each.location: each for each in before.parts}
    new = {each.location: each for each in after.parts}
    for name in sorted(old.keys() | new.keys()):
        lines += difflib.unified_diff(
            _text(old.get(name)),
            _text(new.get(name)),
            fromfile=f"{name} (release {before.number})",
            tofile=f"{name} (release {after.number})",
            lineterm="",
        )
    return lines


def _text(part: ReleasePart | None) -> list[str]:
    if part is None:
        return []
    return json.dumps(dict(part.document), indent=2, sort_keys=True).splitlines()


def _facts(found: Release) -> dict[str, object]:
    return {
        "release": found.number,
        "state": found.state,
        "reason": found.reason,
        "cause": found.cause if found.back_to is None else f"back to release {found.back_to}",
        "commit": found.commit_hash,
        "page": found.url,
        "by": found.by,
        "begun": moment(found.created_at),
        "ended": moment(found.ended_at),
        "removes": ", ".join(found.removes),
        "atomic": None if found.atomic else "no",
    }
