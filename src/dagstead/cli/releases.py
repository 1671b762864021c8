"""``dagstead release``: list, show and compare releases, and go back."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dagstead.cli.administration import administers
from dagstead.cli.asking import ask
from dagstead.cli.control_plane import Administration
from dagstead.cli.following import errors_of, finish, follow, print_parts, step_of
from dagstead.cli.options.release import RollbackFlags
from dagstead.cli.options.target import DeploymentOption, deployment_of
from dagstead.cli.output import Format, FormatOption, moment, print_json, print_rows, say

if TYPE_CHECKING:
    from dagstead.client.releases import Release, ReleasePart, RollbackPlan

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
            "cause": _purpose(each),
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
            say(f"{name}: {value}")
    say()
    rows: list[dict[str, Any]] = [
        {"location": each.location, "queue": each.queue, "state": each.state, "now": step_of(each)}
        for each in found.parts
    ]
    print_rows(rows, format_, empty="The release has no locations.")
    for error in errors_of(found):
        say(f"\n{error}")


UndoneArgument = Annotated[
    int | None,
    typer.Argument(
        metavar="[NUMBER]",
        help="Number of the release to undo; by default the newest one. With "
        "--whole-deployment, the release to go back to; by default the one before the newest.",
        show_default=False,
    ),
]


@app.command()
@administers
def rollback(
    plane: Administration,
    number: UndoneArgument = None,
    *,
    deployment: DeploymentOption = None,
    release: RollbackFlags,
    format_: FormatOption = Format.TABLE,
) -> None:
    """Undo one release: its locations go back to what they served before it, the others stay.

    That happens in a new release with the same checks, and nothing is built. A release that is
    still loading is ended. Locations that were changed since then stay as they are.

    It lists what changes, and asks before it removes a location or changes the whole deployment.

    For example:

    `dagstead release rollback` undoes the newest release

    `dagstead release rollback 12 --deployment prod` undoes release 12

    `dagstead release rollback 9 --whole-deployment` goes back to what was live after release 9
    """
    name = deployment_of(deployment)
    releases = plane.releases(name)
    plan = releases.plan_rollback(number, whole_deployment=release.whole_deployment)
    _confirm(plan, yes=release.yes)
    begun = releases.roll_back(
        plan.undoes or plan.back_to,
        whole_deployment=release.whole_deployment,
        confirmed=plan.changes if plan.needs_confirmation else None,
    )
    if begun.number in plan.ends:
        _show_ended(begun, format_)
        return
    say(f"Release {begun.number} {_purpose(begun)}.", err=True)
    finish(follow(releases, begun, release), format_, name)


def _confirm(plan: RollbackPlan, *, yes: bool) -> None:
    for line in effects_of(plan):
        say(line, err=True)
    if plan.needs_confirmation and not yes:
        ask("Roll back?")


def _show_ended(release: Release, format_: Format) -> None:
    said = f"Release {release.number} was loading and is ended. What was live before serves on."
    say(said, err=True)
    print_parts(release, format_)


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
        say(f"Releases {older} and {newer} deployed the same configuration.", err=True)
    for line in lines:
        say(line)


def effects_of(plan: RollbackPlan) -> Iterator[str]:
    """What a rollback changes, in one line for every location and release."""
    if plan.undoes is not None:
        yield f"This undoes release {plan.undoes}:"
    else:
        yield f"This brings back what was live after release {plan.back_to}:"
    for number in plan.ends:
        yield f"  release {number} is loading, and is ended"
    for name, source in plan.returns.items():
        version = "what it served before" if source is None else f"what release {source} brought"
        yield f"  {name} goes back to {version}"
    for name in plan.removes:
        yield f"  {name} is removed: it served nothing then"
    for name in plan.stays:
        yield f"  {name} stays as it is: it was changed since then"


def _purpose(release: Release) -> str:
    if release.undoes is not None:
        return f"undoes release {release.undoes}"
    if release.back_to is not None:
        return f"goes back to release {release.back_to}"
    return release.cause


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
        "cause": _purpose(found),
        "commit": found.commit_hash,
        "page": found.url,
        "by": found.by,
        "begun": moment(found.created_at),
        "ended": moment(found.ended_at),
        "removes": ", ".join(found.removes),
        "atomic": None if found.atomic else "no",
    }
