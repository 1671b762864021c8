"""DW155: the folder that a build begins in, and the one that its session was begun with."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dagstead.model.location import Location
from dagstead.model.nodes import Node
from dagstead.model.source import Edit
from dagstead.repository.ci.acts import Act, Tool
from dagstead.repository.ci.commands import program_of
from dagstead.repository.ci.inspection import Inspection
from dagstead.repository.ci.job_runs import JobRun
from dagstead.repository.ci.model import Step
from dagstead.repository.ci.positions import place
from dagstead.repository.ci.references import Reference
from dagstead.repository.ci.sessions import Session
from dagstead.repository.ci.shell import Call, calls_of
from dagstead.repository.rules.base import Violation, workflow_rule
from dagstead.repository.rules.workflows.examples import CI_INIT, DEPLOY, WORKFLOW, workflow
from dagstead.repository.rules.workflows.visit import once, sessions

#: The first release whose `ci build` puts the project folder of `ci init` before the build folder.
JOINS_FOLDERS = (1, 12, 2)
_ABSOLUTE = re.compile(r"GITHUB_WORKSPACE|CI_PROJECT_DIR|\bPWD\b|\$\(|github\.workspace")
_PINNED = re.compile(r"dagster-cloud(?:-cli)?(?:\[[^]]*\])?\s*==\s*(\d+)\.(\d+)\.(\d+)")
_BUILD = "dagster-cloud ci build --build-strategy python-executable"
#: What `ci build` needs, whatever its strategy is.
_PROJECT_FILES = ("pyproject.toml", "setup.py", "requirements.txt", "Dockerfile")
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


@dataclass(frozen=True, slots=True)
class FolderMismatch:
    """A build that looks for its folder below another one than the session names."""

    run: JobRun
    begin: Act
    build: Act
    #: The project folder, as it is given.
    given: str
    looked_for: str
    release: tuple[int, ...]
    #: Whether it is there, and another folder has the code.
    is_there: bool

    @property
    def what_happens(self) -> str:
        """What the build does, behind its name."""
        if self.is_there:
            return f"builds {self.looked_for!r}, which has no project"
        return f"looks for {self.looked_for!r}, which is not there"

    @property
    def elsewhere(self) -> str:
        """Where the session was begun, if the path does not show it."""
        return f" in {self.begin.folder!r}" if self.is_there else ""


def folder_mismatches(inspection: Inspection) -> Iterator[FolderMismatch]:
    """Builds that fail with every release that joins the two folders, whichever they use."""
    for _, session in sessions(inspection):
        begin = session.begin
        given = None if begin is None else _project_folder(begin)
        if begin is None or given is None or session.run.is_opaque:
            continue
        for act in session.acts:
            if act.by != "ci build" or act.folder is None or act.folder == begin.folder:
                continue
            looked_for = _looked_for(inspection, session, act, given)
            if looked_for is not None:
                release = _release(session.run, begin)
                is_there = (inspection.project.repository / looked_for).is_dir()
                yield FolderMismatch(session.run, begin, act, given, looked_for, release, is_there)


def _project_folder(begin: Act) -> str | None:
    """The relative project folder that a session is begun with, from where it is begun."""
    given = begin.options.get("project_dir", begin.options.get("--project-dir", "."))
    file, folder = begin.file, begin.folder
    if begin.by not in {"ci-init", "ci init"} or file is None or folder is None or given is None:
        return None
    if given.startswith("/") or _ABSOLUTE.search(given):
        return None
    if "$" not in given:
        return posixpath.normpath(given)
    return posixpath.relpath(posixpath.dirname(file) or ".", folder)


def _looked_for(inspection: Inspection, session: Session, build: Act, given: str) -> str | None:
    """The folder that a build does not find, ``None`` when all are there."""
    root = inspection.project.repository
    for location in session.universe:
        if not (session.selects(location) and build.chosen.has(location.name.value)):
            continue
        directory = _directory(build, location)
        if directory is None or directory.startswith("/"):
            continue
        path = posixpath.normpath(posixpath.join(build.folder or ".", given, directory))
        meant = root / posixpath.dirname(session.file or "") / directory
        is_other = session.file is not None and _has_project(meant)
        if not (root / path).is_dir() or (is_other and not _has_project(root / path)):
            return path
    return None


def _has_project(folder: Path) -> bool:
    return any((folder / each).is_file() for each in _PROJECT_FILES)


def _directory(build: Act, location: Location) -> str | None:
    if "--build-directory" in build.options:
        return build.options["--build-directory"]
    written = location.build_directory
    return "." if written is None else written.value


def _release(run: JobRun, begin: Act) -> tuple[int, ...]:
    """The release of the command line: the newest where none is named, none of a moving tag."""
    if begin.tool is Tool.ACTION:
        return _of_action(begin.reference)
    for step in run.job.steps:
        found = _PINNED.search("" if step.run is None else (step.run.text or ""))
        if found is not None:
            return tuple(map(int, found.groups()))
    return JOINS_FOLDERS


def _of_action(named: Reference | None) -> tuple[int, ...]:
    if named is None:
        return ()
    if named.version is None:
        # A commit without a comment is of no known age; `v0.1` is an old tag.
        return ()
    return named.version


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
