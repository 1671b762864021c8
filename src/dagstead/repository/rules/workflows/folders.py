"""DW155: the folder that a build begins in, and the one that its session was begun with."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dagstead.model.nodes import Node
from dagstead.model.source import Edit
from dagstead.repository.ci.acts import Act
from dagstead.repository.ci.commands import program_of
from dagstead.repository.ci.inspection import Inspection
from dagstead.repository.ci.model import Step
from dagstead.repository.ci.positions import place
from dagstead.repository.ci.project_folders import (
    JOINS_FOLDERS,
    FolderMismatch,
    folder_mismatches,
)
from dagstead.repository.ci.shell import Call, calls_of
from dagstead.repository.rules.base import Violation, workflow_rule
from dagstead.repository.rules.workflows.examples import CI_INIT, DEPLOY, WORKFLOW, workflow
from dagstead.repository.rules.workflows.visit import once

_BUILD = "dagster-cloud ci build --build-strategy python-executable"
_INIT = f"uses: {CI_INIT}\nwith:\n  project_dir: apps/etl"
_FILES = {
    "apps/etl/dagster_cloud.yaml": """
        locations:
          - location_name: etl
            code_source:
              package_name: etl
        """,
    "apps/etl/setup.py": "# etl\n",
}


@workflow_rule(
    "DW155",
    "project-folder-twice",
    fixable=True,
    reason="""
        Since 1.12.2 `ci build` looks for the build directory below the project folder that `ci
        init` was given, as it is written there. After `cd apps/etl` a relative one leads to
        `apps/etl/apps/etl`, and the build stops with "Specified a build directory that does not
        exist". Older releases needed the `cd`.

        `--fix` takes out a `cd` or `working-directory` of a step that calls official commands only.
        """,
    bad={
        **_FILES,
        WORKFLOW: workflow(_INIT, f"run: |\n  cd apps/etl\n  {_BUILD}", DEPLOY),
    },
    good={**_FILES, WORKFLOW: workflow(_INIT, f"run: |\n  {_BUILD}", DEPLOY)},
)
def project_folder_twice(inspection: Inspection) -> Iterator[Violation]:
    """A build begins in the folder where its session was begun."""
    return once(
        Violation(
            position=each.build.position,
            message=f"'ci build' {each.what_happens}: it runs in {each.build.folder!r}, and "
            f"'ci init' was given {each.given!r}{each.elsewhere}",
            instead="Call it where 'ci init' was called, without 'cd' or working-directory",
            edits=_edits(each),
        )
        for each in folder_mismatches(inspection)
        if each.release >= JOINS_FOLDERS
    )


def _edits(found: FolderMismatch) -> tuple[Edit, ...]:
    step = next((each for each in found.run.job.steps if _holds(each, found.build)), None)
    if step is None or step.run is None or step.run.source.line_map:
        return ()
    calls = list(calls_of(step.run.text or "", {}, lambda _: "x"))
    changes = [each for each in calls if each.words[0] == "cd"]
    others = [each for each in calls if each.words[0] != "cd"]
    if any(each.subshells for each in calls) or any(
        program_of(each.words) is None for each in others
    ):
        # Another command may need the folder.
        return ()
    if step.directory is not None and not changes:
        return _without_line(step.directory)
    return _without_call(step.run, changes[0]) if len(changes) == 1 else ()


def _holds(step: Step, act: Act) -> bool:
    if step.run is None or step.run.source.file != act.position.file:
        return False
    at = step.run.position
    return at.line <= act.position.line <= at.end_line


def _without_line(value: Node) -> tuple[Edit, ...]:
    source = value.source
    line, _ = source.line_and_column(value.start)
    start, end = source.offset(line, 1), source.offset(line + 1, 1)
    is_whole = re.fullmatch(r"\s*working-directory:[^\n]*\n?", source.text[start:end])
    return (Edit(start=start, end=end, text=""),) if is_whole else ()


def _without_call(script: Node, call: Call) -> tuple[Edit, ...]:
    at = place(script, call.start, call.end)
    source = script.source
    line, after = source.offset(at.line, 1), source.offset(at.line + 1, 1)
    start, end = source.offset(at.line, at.column), source.offset(at.end_line, at.end_column)
    behind = source.text[end:after]
    if source.text[line:start].strip() == "" and behind.strip() == "":
        return (Edit(start=line, end=after, text=""),)
    joined = re.match(r"\s*&&\s*", behind)
    return (Edit(start=start, end=end + joined.end(), text=""),) if joined else ()
