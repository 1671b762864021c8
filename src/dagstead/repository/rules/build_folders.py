"""DS160: a location whose code lies in a folder that its build directory does not name.

What cannot go on without that folder (a plan, a workflow, a migration) says the same sentence.
"""

from __future__ import annotations

import posixpath
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from dagstead.model.families import Family
from dagstead.model.location import Kind, Location, Origin
from dagstead.model.nodes import Entry, Node
from dagstead.model.source import Edit
from dagstead.repository.changes.dockerfiles import context_sources
from dagstead.repository.ci.acts import ActKind
from dagstead.repository.ci.inspection import Inspection
from dagstead.repository.files.project import Project, is_outside
from dagstead.repository.rules.base import Violation, evidence_rule, replacing
from dagstead.repository.rules.evidence import Evidence
from dagstead.repository.rules.visit import file_exists, folder_exists

_CODE = "DS160"

_UNFILLED = re.compile(r"\$|\{\{|<[^>]*>")
_PLAIN = re.compile(r"[\w./][\w./ -]*(?<! )")
_DOCKERFILE = "Dockerfile"
_PROJECT_FILES = ("pyproject.toml", "setup.py", "requirements.txt")
_STEP = 2

_BAD = """
    locations:
      - location_name: etl
        code_source:
          module_name: etl.definitions
        working_directory: ./locations/etl/src
    """
_GOOD = """
    locations:
      - location_name: etl
        code_source:
          module_name: etl.definitions
        working_directory: ./src
        build:
          directory: ./locations/etl
    """
_BESIDE = {
    "locations/etl/pyproject.toml": """
        [project]
        name = "etl"
        version = "1"
        dependencies = ["dagster", "dagster-cloud"]
        """,
    "locations/etl/src/etl/__init__.py": "",
    "locations/etl/src/etl/definitions.py": "",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class UnnamedFolder:
    """The folder of a location that its ``build.directory`` ought to name."""

    location: Location
    #: Relative to the root of the project.
    folder: str
    #: The file that makes it the folder to build.
    holds: str
    #: What the folder of the configuration file has none of.
    lacks: str

    @property
    def directory(self) -> str:
        """What to write as ``build.directory``."""
        path = posixpath.relpath(self.folder, self.location.folder or ".")
        return path if path.startswith("..") else f"./{path}"

    @property
    def message(self) -> str:
        """What is wrong: a sentence without a full stop."""
        location = self.location
        return (
            f"{location.name.value!r} has no build.directory, so it is built from "
            f"{location.build_folder!r}, which has no {self.lacks}; the folder of its "
            f"working_directory, {self.directory!r}, has the {self.holds}"
        )

    @property
    def instead(self) -> str:
        """What to write: a sentence without a full stop."""
        return (
            f"Write build.directory: {self.directory}, and working_directory as it is inside that "
            "folder; `dagstead check --fix` does both"
        )

    @property
    def refusal(self) -> str:
        """What a command says that cannot go on, without the place."""
        return f"{_CODE} {self.message}. {self.instead}."


@evidence_rule(
    "DS160",
    "build-directory-missing",
    fixable=True,
    reason="""
        A location is built from `build.directory`, and without it from the folder of the
        configuration file. `working_directory` only says where the code is started. The official
        builder stops when the build directory has no `setup.py`, `requirements.txt` or
        `pyproject.toml`, and `docker build` when it has no Dockerfile. Inside a PEX file or an
        image `working_directory` begins at the build directory.

        Nothing is said where a workflow builds it from a path of its own.
        """,
    bad={"dagster_cloud.yaml": _BAD, **_BESIDE},
    good={"dagster_cloud.yaml": _GOOD, **_BESIDE},
)
def build_directory_missing(evidence: Evidence) -> Iterator[Violation]:
    """The build directory is the folder that holds the project."""
    project = evidence.project
    for location in project.definitions:
        found = unnamed_folder(project, location)
        if found is not None and not _is_built_elsewhere(evidence.inspection, location):
            yield Violation(
                position=location.position,
                message=found.message,
                instead=found.instead,
                edits=_edits(project, found),
            )


def unnamed_folder(project: Project, location: Location) -> UnnamedFolder | None:
    """The folder that a location ought to be built from; ``None`` where nothing is amiss."""
    working = location.working_directory
    if location.family is not Family.CLOUD or working is None or location.build_directory:
        return None
    wanted = _wanted(project, location)
    if not wanted or _UNFILLED.search(working.value) or working.value.startswith("/"):
        return None
    top = location.build_folder
    start = posixpath.normpath(posixpath.join(top, working.value))
    if is_outside(start) or not folder_exists(project, start):
        return None
    for folder in _up_to(start, top):
        holds = next((each for each in wanted if _holds(project, folder, each)), None)
        if holds is not None and _is_whole(project, folder, top, holds):
            lacks = f"{', '.join(wanted[:-1])} or {wanted[-1]}" if wanted[1:] else wanted[0]
            return UnnamedFolder(location=location, folder=folder, holds=holds, lacks=lacks)
    return None


def refusals(project: Project, locations: Iterable[Location]) -> Iterator[str]:
    """What a command says of locations that it cannot build, with places."""
    for location in locations:
        found = unnamed_folder(project, location)
        if found is not None:
            yield f"{location.position}: {found.refusal}"


def _wanted(project: Project, location: Location) -> tuple[str, ...]:
    """The files of which the build directory needs one; none where it has one."""
    top = location.build_folder
    if location.kind is Kind.HYBRID:
        above = (top, *_up_to(posixpath.dirname(top), ""), "")
        has_one = any(_holds(project, each, _DOCKERFILE) for each in above)
        if has_one:
            return ()
        # From a project's files `dagstead build` generates one.
        return (_DOCKERFILE,) if has_project(project, top) else (_DOCKERFILE, *_PROJECT_FILES)
    if location.kind is not Kind.SERVERLESS:
        return ()
    has_one = _holds(project, top, _DOCKERFILE) or has_project(project, top)
    return () if has_one else _PROJECT_FILES


def has_project(project: Project, folder: str) -> bool:
    """Whether a folder has a file that says what its code needs."""
    return any(_holds(project, folder, each) for each in _PROJECT_FILES)


def _up_to(folder: str, top: str) -> Iterator[str]:
    """A folder and those above it, without the last one."""
    while folder not in {"", ".", top}:
        yield folder
        folder = posixpath.dirname(folder)


def _holds(project: Project, folder: str, name: str) -> bool:
    path = posixpath.join(folder, name)
    if not file_exists(project, path):
        return False
    return name != "pyproject.toml" or _is_package(_text(project, path))


def _is_package(text: str) -> bool:
    """Whether a ``pyproject.toml`` has more than settings of tools."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        # What is wrong there is reported with its place.
        return True
    return "project" in document or "poetry" in document.get("tool", {})


def _is_whole(project: Project, folder: str, top: str, holds: str) -> bool:
    """Whether a folder has what its Dockerfile copies; not when that is in the folder above."""
    if holds != _DOCKERFILE:
        return True
    for each in context_sources(_text(project, posixpath.join(folder, holds))):
        inside, above = (posixpath.join(base, each.path) for base in (folder, top))
        if not _exists(project, inside) and _exists(project, above):
            return False
    return True


def _exists(project: Project, path: str) -> bool:
    return file_exists(project, path) or folder_exists(project, path)


def _text(project: Project, path: str) -> str:
    try:
        return (project.root / path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _is_built_elsewhere(inspection: Inspection, location: Location) -> bool:
    """Whether a workflow gives a path of its own to what builds it."""
    name = location.name.value
    return any(
        act.does in {ActKind.RECORD, ActKind.BUILD_AND_DEPLOY} and act.chosen.has(name)
        for each in inspection.deployers.get(name, ())
        for act in each.session.acts
    )


def _edits(project: Project, found: UnnamedFolder) -> tuple[Edit, ...]:
    location = found.location
    working = location.working_directory
    own = working is not None and working.origin is Origin.OWN
    if working is None or not own or working.node.source.line_map:
        return ()
    directory = _insertion(location.written, working.node, found.directory)
    if directory is None or _names_itself(project, found):
        return () if directory is None else (directory,)
    inside = posixpath.relpath(
        posixpath.normpath(posixpath.join(location.build_folder, working.value)), found.folder
    )
    plain = "" if inside == "." or not working.value.startswith("./") else "./"
    end = "/" if working.value.endswith("/") and inside != "." else ""
    return (directory, *replacing(working.node, working.value, f"{plain}{inside}{end}"))


def _names_itself(project: Project, found: UnnamedFolder) -> bool:
    """Whether the image has the folder under the path that it has in the repository."""
    if found.holds != _DOCKERFILE:
        return False
    dockerfile = _text(project, posixpath.join(found.folder, _DOCKERFILE))
    return found.directory.removeprefix("./") in dockerfile


def _insertion(entry: Node, working: Node, directory: str) -> Edit | None:
    """The edit that writes ``build.directory``; none where it is not one clear place."""
    value = directory if _PLAIN.fullmatch(directory) else f'"{directory}"'
    if working.source.file != entry.source.file or '"' in directory or "\\" in directory:
        return None
    build = entry.entry("build")
    if build is not None:
        return _into(build, value) if build.value.end <= entry.end else None
    if entry.source.text.startswith("{", entry.start):
        return _at(working.end, f", build: {{directory: {value}}}")
    key = entry.entry("working_directory")
    return None if key is None or key.merged else _as_lines(key.key, working, value)


def _into(build: Entry, value: str) -> Edit | None:
    """The directory as the first key of a ``build`` that is written in its entry."""
    node, text = build.value, build.key.source.text
    if build.merged or node.start < build.key.end or not node.entries or node.get("directory"):
        return None
    if text.startswith("{", node.start):
        return _at(node.start + 1, f"directory: {value}, ")
    if node.start != node.entries[0].key.start:
        return None
    indent = " " * (node.start - _line_start(text, node.start))
    return _at(node.start, f"directory: {value}{_newline(text)}{indent}")


def _as_lines(key: Node, working: Node, value: str) -> Edit:
    """``build`` as lines of its own, behind those of the working directory."""
    text = key.source.text
    indent = " " * (key.start - _line_start(text, key.start))
    end = re.compile(r"\r\n|\n|\r|\Z").search(text, working.end)
    at = len(text) if end is None else end.start()
    newline = _newline(text)
    lines = (f"{indent}build:", f"{indent}{' ' * _STEP}directory: {value}")
    return _at(at, "".join(newline + each for each in lines))


def _at(offset: int, text: str) -> Edit:
    return Edit(start=offset, end=offset, text=text)


def _line_start(text: str, offset: int) -> int:
    return max(text.rfind("\n", 0, offset), text.rfind("\r", 0, offset)) + 1


def _newline(text: str) -> str:
    found = re.search(r"\r\n|\n|\r", text)
    return found[0] if found else "\n"
