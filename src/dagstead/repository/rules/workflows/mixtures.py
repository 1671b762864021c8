"""DS501 and DS504: one command for a repository that mixes serverless and hybrid locations.

Where it is certain that a location is built in the way of another kind, ``DW13x`` say so; these are
about the commands when only the mixture is known.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator

from dagstead.model.families import Family
from dagstead.model.location import Kind, Location
from dagstead.model.source import Position
from dagstead.repository.ci.acts import Act, ActKind, Tool
from dagstead.repository.ci.commands import Command, command_of
from dagstead.repository.ci.inspection import Inspection
from dagstead.repository.ci.scripts import program_words, scripts_of
from dagstead.repository.ci.sessions import Session
from dagstead.repository.ci.shell_folders import ShellFolder
from dagstead.repository.ci.steps import file_option
from dagstead.repository.files import Project
from dagstead.repository.rules.base import Severity, Violation, workflow_rule
from dagstead.repository.rules.workflows.strategies import is_of_another_kind
from dagstead.repository.rules.workflows.visit import has_its_file, sessions

_MIXED = """
    locations:
      - location_name: etl
        code_source:
          package_name: etl
      - location_name: train
        code_source:
          package_name: train
        build:
          directory: train
          registry: registry.example.com/train
        agent_queue: hybrid
    """
_CI_BUILD = frozenset({"ci build"})
_DG_DEPLOY = frozenset({"dg plus deploy", "dg plus deploy build-and-push"})


def _mixed(*commands: str) -> dict[str, str]:
    return {
        "dagster_cloud.yaml": _MIXED,
        "train/Dockerfile": "FROM python:3.12-slim\n",
        ".github/workflows/deploy.yaml": "on: push\njobs:\n  deploy:\n    runs-on: ubuntu-latest\n"
        "    steps:\n" + "".join(f"      - run: {each}\n" for each in commands),
    }


@workflow_rule(
    "DS501",
    "one-strategy-for-all",
    severity=Severity.WARNING,
    reason="""
        `dagster-cloud ci build` takes one `--build-strategy` for all locations that it builds, and
        pushes images to the control plane's registry, whatever `build.registry` says. In a
        repository that mixes serverless and hybrid locations it builds some of them wrongly.

        Where it is known which locations a session has and how they are built,
        [DW130](DW130.md) and [DW132](DW132.md) name those that are built wrongly instead.
        """,
    bad=_mixed("dagster-cloud ci build --build-strategy=python-executable"),
    good=_mixed("dagster-cloud ci build --build-strategy=python-executable --location-name=etl"),
)
def one_strategy_for_all(inspection: Inspection) -> Iterator[Violation]:
    """A mixed repository is built location by location."""
    for position in _for_all(inspection, _CI_BUILD):
        yield Violation(
            position=position,
            message="'ci build' builds serverless and hybrid locations in one way",
            instead="Add --location-name for the locations of one kind; for a hybrid one build "
            "and push its image, then call 'ci set-build-output'",
        )


@workflow_rule(
    "DS504",
    "one-agent-type-for-all",
    severity=Severity.WARNING,
    reason="""
        `dg plus deploy` takes the agent type from the deployment, once for the whole session: in a
        mixed workspace every project is built as hybrid, or every one as serverless.

        Where `--agent-type` says which, [DW130](DW130.md) and [DW131](DW131.md) name the locations
        that are built wrongly instead.
        """,
    bad=_mixed("dg plus deploy --yes"),
    good=_mixed(
        "dg plus deploy --yes --agent-type serverless --location-name etl",
        "dg plus deploy --yes --agent-type hybrid --location-name train",
    ),
)
def one_agent_type_for_all(inspection: Inspection) -> Iterator[Violation]:
    """A mixed workspace is deployed once for each kind."""
    for position in _for_all(inspection, _DG_DEPLOY):
        yield Violation(
            position=position,
            message="one agent type is used for serverless and hybrid locations",
            instead="Call it once for each kind, with --agent-type and --location-name",
        )


def _for_all(inspection: Inspection, commands: frozenset[str]) -> Iterator[Position]:
    """Where one of these commands is about locations of both kinds."""
    return iter(
        dict.fromkeys((*_in_workflows(inspection, commands), *_in_scripts(inspection, commands)))
    )


def _in_workflows(inspection: Inspection, commands: frozenset[str]) -> Iterator[Position]:
    project = inspection.project
    for _, session in sessions(inspection):
        for act in session.acts if has_its_file(inspection, session) else ():
            if act.by not in commands:
                continue
            known = [
                each for each in session.candidates(project.locations) if _has(session, act, each)
            ]
            if _are_mixed(known) and not is_of_another_kind(session, act):
                yield act.position


def _in_scripts(inspection: Inspection, commands: frozenset[str]) -> Iterator[Position]:
    """The same in script files, whose callers are unknown."""
    project = inspection.project
    for script in scripts_of(project, inspection.files):
        known = project.locations
        shell = ShellFolder(folder="")
        for call, position in script.calls() if script.is_file else ():
            folder = shell.enter(call)
            shell.moves(call)
            command = command_of(program_words(call))
            if command is None:
                continue
            if command.does is ActKind.BEGIN:
                known = tuple(_begun(project, command, folder, position.file))
            if command.by in commands and _are_mixed(
                each for each in known if command.chosen.has(each.name.value)
            ):
                yield position


def _begun(project: Project, command: Command, folder: str, script: str) -> Iterator[Location]:
    """The locations of a session, begun from the root or from the folder of a script."""
    given = file_option(command)
    if given is None:
        return
    starts = ("", posixpath.dirname(script))
    paths = {posixpath.normpath(posixpath.join(each, folder, given)) for each in starts}
    is_dg = command.tool is Tool.DG
    for each in project.definitions:
        is_of_it = each.file in paths or (is_dg and (each.family is Family.DG))
        if is_of_it and command.chosen.has(each.name.value):
            yield each


def _has(session: Session, act: Act, location: Location) -> bool:
    chosen = act.chosen.has(location.name.value)
    return chosen is True and session.selects(location) is not False


def _are_mixed(locations: Iterable[Location]) -> bool:
    kinds = {each.kind for each in locations}
    return {Kind.SERVERLESS, Kind.HYBRID} <= kinds
