"""``dagstead plan``: how each location would be built."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dagstead.cli import steps
from dagstead.cli.options.build import PlanFlags, ShowDockerfileOption
from dagstead.cli.options.groups import grouped
from dagstead.cli.options.source import ChangedFlags
from dagstead.cli.options.target import TargetFlags
from dagstead.cli.output import Format, print_json, print_rows, say
from dagstead.cli.remarks import print_left_out

if TYPE_CHECKING:
    from pathlib import Path

    from dagstead.build.model import BuildPlan, DockerPlan, PlannedBuild, Platform
    from dagstead.build.planning import BuildRefusal, Outline
    from dagstead.client.releases import LiveLocation
    from dagstead.repository.files import Project
    from dagstead.routing.routes import Route


class PlanFormat(StrEnum):
    """How a plan is printed."""

    TABLE = "table"
    JSON = "json"
    GITHUB = "github"
    GITLAB = "gitlab"


@grouped
def plan(
    *,
    source: ChangedFlags,
    target: TargetFlags,
    flags: PlanFlags,
    show_dockerfile: ShowDockerfileOption = False,
    format_: Annotated[
        PlanFormat,
        typer.Option(
            "--format", help="github and gitlab: a matrix for CI, with one job per location."
        ),
    ] = PlanFormat.TABLE,
) -> None:
    """Show how each code location would be built and why, without building.

    A plan has the strategy, folder, Python version or Dockerfile, image and queue of every
    location, and the agents that will run it according to the repository's files. None of the
    repository's code is run, and only --changed asks a server. When a location cannot be built,
    the others are shown nevertheless, and the command ends with 2.

    For example:

    `dagstead plan` shows all locations of the current folder

    `dagstead plan --since origin/main...` shows what a branch touches

    `dagstead plan --strategy etl=docker` plans to build etl as an image

    `dagstead plan --format json | jq -r '.[].image'` prints only the images

    `echo "matrix=$(dagstead plan --format github)" >> "$GITHUB_OUTPUT"` makes GitHub's matrix
    """
    project = steps.read(source)
    outline = steps.outline(project, source, flags)
    narrowed = steps.narrow(outline.plan, source, partial(_live, target))
    _show(replace(outline, plan=narrowed), project, format_, dockerfiles=show_dockerfile)


def _show(outline: Outline, project: Project, format_: PlanFormat, *, dockerfiles: bool) -> None:
    if dockerfiles:
        print_dockerfiles(outline.plan)
    else:
        print_left_out(project)
        _print(outline.plan, outline.refusals, _answers(project), format_)
    outline.check()


def print_dockerfiles(made: BuildPlan) -> None:
    """Print the Dockerfiles that a plan generates."""
    from dagstead.build.model import DockerPlan

    found = [
        (each.location, each.how.generated)
        for each in made.builds
        if isinstance(each.how, DockerPlan) and each.how.generated
    ]
    for name, text in found:
        say(f"# Dockerfile of {name}\n{text}", end="")
    if not found:
        say("No Dockerfile is generated.", err=True)


def _live(target: TargetFlags) -> Sequence[LiveLocation]:
    from dagstead.client.connection import Connection
    from dagstead.client.releases import Releases

    with Connection(target.target()) as connection:
        return Releases(connection).deployed()


def _answers(project: Project) -> dict[str, list[Route]]:
    """Who will run every location, in full and in branch deployments."""
    from dagstead.errors import DagsteadError
    from dagstead.repository.agents.outlook import expected_agents, look

    found: dict[str, list[Route]] = {}
    try:
        for route in look(project, expected_agents(project)).routes:
            found.setdefault(route.location.name, []).append(route)
    except DagsteadError:
        # `dagstead routes` shows what is wrong with them.
        return {}
    return found


def _agents(routes: Sequence[Route]) -> list[str] | None:
    """The agents that will run a location; ``None`` where the files do not say it."""
    from dagstead.routing.routes import State

    agents = list(dict.fromkeys(each.name for route in routes for each in route.agents))
    is_unknown = not routes or any(each.state is State.UNKNOWN for each in routes)
    return None if is_unknown and not agents else agents


def _print(
    made: BuildPlan,
    refusals: Sequence[BuildRefusal],
    answers: Mapping[str, Sequence[Route]],
    format_: PlanFormat,
) -> None:
    of = [answers.get(each.location, ()) for each in made.builds]
    rows = [
        {**_row(each, made.root), "agents": _agents(routes)}
        for each, routes in zip(made.builds, of, strict=True)
    ]
    match format_:
        case PlanFormat.TABLE:
            shown = ("location", "strategy", "folder", "with", "image", "queue", "agents", "reason")
            people = [
                {**row, "agents": _people(each), "image": _place_of(build) or row["image"]}
                for row, each, build in zip(rows, of, made.builds, strict=True)
            ]
            short = [{name: row[name] or None for name in shown} for row in people]
            if short or not refusals:
                print_rows(short, Format.TABLE, empty="There is nothing to build.")
        case PlanFormat.JSON:
            print_json([*rows, *map(_refused, refusals)])
        case PlanFormat.GITHUB:
            say(json.dumps({"include": [_matrix(row) for row in rows]}))
        case PlanFormat.GITLAB:
            _print_gitlab(rows)


def _place_of(planned: PlannedBuild) -> str | None:
    """Where an image goes that only the control plane can name, in words."""
    from dagstead.build.model import DockerPlan

    how = planned.how
    is_there = isinstance(how, DockerPlan) and how.is_for_control_plane
    return "the control plane's registry" if is_there else None


def _people(routes: Sequence[Route]) -> str:
    """The agents in words, as ``dagstead routes`` says them."""
    from dagstead.routing.routes import State
    from dagstead.routing.wording import describe_answer

    unknown = [each for each in routes if each.state is State.UNKNOWN]
    words = dict.fromkeys(describe_answer(each) for each in unknown or routes)
    return ", ".join(_agents(routes) or words)


_ROW: Mapping[str, Any] = {
    "location": None,
    "slug": None,
    "strategy": None,
    "folder": None,
    "with": None,
    "python_version": None,
    "python_reason": None,
    "platform": None,
    "dockerfile": None,
    "image": None,
    "queue": None,
    "cache_key": None,
    "before_build": (),
    "reason": None,
    "position": None,
    "problem": None,
}


def _refused(refusal: BuildRefusal) -> dict[str, Any]:
    return {
        **_ROW,
        "location": refusal.location,
        "position": refusal.position,
        "problem": refusal.reason,
        "agents": [],
    }


def _row(planned: PlannedBuild, root: Path) -> dict[str, Any]:
    from dagstead.build.model import DockerPlan, PexPlan, PrebuiltPlan

    row: dict[str, Any] = {
        **_ROW,
        "location": planned.location,
        "slug": planned.slug,
        "strategy": str(planned.strategy),
        "folder": planned.folder,
        "queue": planned.queue,
        "cache_key": planned.cache_key,
        "before_build": () if planned.before is None else planned.before.commands,
        "reason": planned.reason,
        "position": planned.position,
    }
    match planned.how:
        case PexPlan() as how:
            row["python_version"] = how.python_version
            row["python_reason"] = how.python_reason
            row["platform"] = None if how.platform is None else str(how.platform)
            row["with"] = f"Python {how.python_version}" + _for(how.platform)
        case DockerPlan() as how:
            row["dockerfile"] = _relative(how.dockerfile, root)
            row["image"] = None if how.is_for_control_plane else how.reference
            row["with"] = "generated Dockerfile" if how.generated else _name(planned, how, root)
        case PrebuiltPlan() as how:
            row["image"] = how.image
    return row


def _for(platform: Platform | None) -> str:
    return "" if platform is None else f", {platform}"


def _relative(path: Path | None, root: Path) -> str | None:
    """From the folder of the project: another machine has it elsewhere."""
    return None if path is None else os.path.relpath(path, root.resolve())


def _name(planned: PlannedBuild, how: DockerPlan, root: Path) -> str:
    path = how.dockerfile
    if path is not None and path.is_relative_to(planned.directory):
        return str(path.relative_to(planned.directory))
    return _relative(path, root) or ""


def _matrix(row: dict[str, Any]) -> dict[str, str]:
    """Strings only: where there is no value, an expression in CI gets an empty one."""
    names = ("location", "slug", "strategy", "folder", "python_version", "image", "queue")
    return {name: row[name] or "" for name in names}


def _print_gitlab(rows: list[dict[str, Any]]) -> None:
    if not rows:
        say("There is nothing to build, and GitLab does not accept an empty matrix.", err=True)
        return
    lines = [
        "# A job of a child pipeline that `extends: .dagstead-locations` runs for each location.",
        ".dagstead-locations:",
        "  parallel:",
        "    matrix:",
    ]
    for row in rows:
        for number, (name, value) in enumerate(_matrix(row).items()):
            lead = "- " if number == 0 else "  "
            # A string in JSON is one in YAML, too.
            lines.append(f"      {lead}{name.upper()}: {json.dumps(value, ensure_ascii=False)}")
    sys.stdout.write("\n".join(lines) + "\n")
