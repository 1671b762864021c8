"""The folder that `ci build` begins in, and the one that its session was begun with."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dagstead.model.location import Location
from dagstead.repository.ci.acts import Act, Tool
from dagstead.repository.ci.inspection import Inspection
from dagstead.repository.ci.job_runs import JobRun
from dagstead.repository.ci.references import Reference
from dagstead.repository.ci.sessions import Session

#: The first release whose `ci build` puts the project folder of `ci init` before the build folder.
JOINS_FOLDERS = (1, 12, 2)
_ABSOLUTE = re.compile(r"GITHUB_WORKSPACE|CI_PROJECT_DIR|\bPWD\b|\$\(|github\.workspace")
_PINNED = re.compile(r"dagster-cloud(?:-cli)?(?:\[[^]]*\])?\s*==\s*(\d+)\.(\d+)\.(\d+)")
#: What `ci build` needs, whatever its strategy is.
_PROJECT_FILES = ("pyproject.toml", "setup.py", "requirements.txt", "Dockerfile")


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
    for session in _sessions(inspection):
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


def _sessions(inspection: Inspection) -> Iterator[Session]:
    for each in inspection.workflows:
        if not each.workflow.is_only_called:
            yield from each.sessions


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
