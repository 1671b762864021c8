"""DS24x: folders and files that a location names."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from dagstead.model.families import Family
from dagstead.model.location import Kind, Location, Value
from dagstead.model.words import nearest
from dagstead.repository.files.project import Project, is_outside, project_prefix
from dagstead.repository.rules.base import Severity, Violation, evidence_rule, rule
from dagstead.repository.rules.build_folders import has_project, unnamed_folder
from dagstead.repository.rules.evidence import Evidence
from dagstead.repository.rules.visit import file_exists, folder_exists

_UNFILLED = re.compile(r"\$|\{\{|<[^>]*>")
_DEVELOPER = re.compile(r"^/(?:home|Users)/|^~|^[A-Za-z]:[\\/]")


def _with_build(directory: str, **more: str) -> str:
    lines = "".join(f"\n            {key}: {value}" for key, value in more.items())
    return f"""
        locations:
          - location_name: etl{lines}
            code_source:
              package_name: etl
            build:
              directory: {directory}
        """


@rule(
    "DS240",
    "no-such-build-directory",
    reason="""
        `build.directory` begins at the folder of the file that it is written in. The official check
        fails, too.
        """,
    bad={"dagster_cloud.yaml": _with_build("./elt"), "etl/setup.py": ""},
    good={"dagster_cloud.yaml": _with_build("./etl"), "etl/setup.py": ""},
)
def no_such_build_directory(project: Project) -> Iterator[Violation]:
    """The build directory exists."""
    for location in _with_directory(project):
        directory = location.build_directory
        if directory and not folder_exists(project, location.build_folder):
            yield Violation(
                position=directory.position,
                message=f"there is no folder {location.build_folder!r}, the build.directory of "
                f"{location.name.value!r}",
                instead="Write the path of a folder, from the folder of this file",
            )


@rule(
    "DS241",
    "outside-the-repository",
    severity=Severity.WARNING,
    reason="""
        A path that leaves the repository, or begins at the root of the disk, exists on one machine.
        CI checks the repository out somewhere else.
        """,
    bad=_with_build("/"),
    good=_with_build("."),
)
def outside_the_repository(project: Project) -> Iterator[Violation]:
    """The build directory is in the repository."""
    for location in _with_directory(project, outside=True):
        directory = location.build_directory
        if directory and _leaves_repository(project, location.build_folder):
            yield Violation(
                position=directory.position,
                message=f"build.directory {directory.value!r} lies outside the repository",
                instead="Write a path inside it, from the folder of this file",
            )


_ADD = (
    "Add one, such as the one that `dagstead plan --show-dockerfile` prints; or remove "
    "build.registry if the location is serverless"
)


@evidence_rule(
    "DS242",
    "no-dockerfile",
    severity=Severity.WARNING,
    reason="""
        A location with a registry is built from a Dockerfile. None is in its build directory or in
        a folder above it: a workflow that calls `docker build` fails. `dagstead build` generates
        one where the folder has a project, and so does `dg plus deploy`. Nothing is said about dg's
        projects unless a workflow builds the missing file, nor where a workflow builds another
        Dockerfile.
        """,
    bad={
        "dagster_cloud.yaml": _with_build("etl\n              registry: registry.example.com/etl"),
        "etl/setup.py": "",
    },
    good={
        "dagster_cloud.yaml": _with_build("etl\n              registry: registry.example.com/etl"),
        "etl/Dockerfile": "FROM python:3.12-slim\n",
    },
)
def no_dockerfile(evidence: Evidence) -> Iterator[Violation]:
    """A hybrid location has a Dockerfile."""
    project = evidence.project
    for location in project.definitions:
        folder = location.build_folder
        if location.kind is not Kind.HYBRID or location.registry is None or is_outside(folder):
            continue
        if _has_dockerfile(project, folder):
            continue
        built = list(_dockerfiles(evidence, location))
        own = posixpath.normpath(posixpath.join(project_prefix(project), folder, "Dockerfile"))
        if location.family is Family.DG and own not in built:
            # Both `dg plus deploy` and `dagstead build` make one.
            continue
        if unnamed_folder(project, location) is not None:
            continue
        if folder_exists(project, folder) and not any(_is_there(project, each) for each in built):
            yield _without_dockerfile(project, location, location.registry)


def _dockerfiles(evidence: Evidence, location: Location) -> Iterator[str | None]:
    """What workflows build images from that may be the location's."""
    folder = posixpath.join(project_prefix(evidence.project), location.build_folder)
    for deployer in evidence.inspection.deployers.get(location.name.value, ()):
        for image in (image for run in deployer.inspected.runs for image in run.images):
            context = None if image.context is None else posixpath.normpath(image.context)
            if context in {None, "."} or f"{posixpath.normpath(folder)}/".startswith(f"{context}/"):
                yield image.dockerfile and posixpath.normpath(image.dockerfile)


def _is_there(project: Project, dockerfile: str | None) -> bool:
    return dockerfile is None or (project.repository / dockerfile).is_file()


def _without_dockerfile(project: Project, location: Location, registry: Value[str]) -> Violation:
    is_made = has_project(project, location.build_folder)
    fails = "`dagstead build` generates one, but any other build fails"
    return Violation(
        position=registry.position,
        message=f"{location.name.value!r} is built as an image, and {location.build_folder!r} has "
        f"no Dockerfile{f': {fails}' if is_made else ' and nothing to generate one from'}",
        instead=_ADD if is_made else "Name the folder that has one in build.directory",
    )


@rule(
    "DS243",
    "working-directory-from-the-wrong-place",
    severity=Severity.WARNING,
    reason="""
        `working_directory` is looked up where the code runs: in the image or PEX file, which hold
        the content of the build directory. A path that begins at the root of the repository is not
        there.
        """,
    bad={
        "dagster_cloud.yaml": _with_build("etl", working_directory="etl/src"),
        "etl/setup.py": "",
        "etl/src/etl/__init__.py": "",
    },
    good={
        "dagster_cloud.yaml": _with_build("etl", working_directory="src"),
        "etl/setup.py": "",
        "etl/src/etl/__init__.py": "",
    },
)
def working_directory_from_the_wrong_place(project: Project) -> Iterator[Violation]:
    """The working directory begins at the build directory."""
    for location in _with_directory(project):
        working = location.working_directory
        if working is None or _UNFILLED.search(working.value) or not working.value:
            continue
        base = location.folder if location.build_directory is None else location.build_folder
        inside = posixpath.normpath(posixpath.join(base, working.value))
        beside = posixpath.normpath(posixpath.join(location.folder, working.value))
        if is_outside(inside) or inside == beside or folder_exists(project, inside):
            continue
        if folder_exists(project, beside):
            meant = posixpath.relpath(beside, location.build_folder)
            yield Violation(
                position=working.position,
                message=f"working_directory {working.value!r} is a path from this file, and the "
                f"code runs in the build directory, {location.build_folder!r}",
                instead=f"Write {meant!r}"
                if not is_outside(meant)
                else "Write a path inside the build directory",
            )


@rule(
    "DS244",
    "no-such-python-file",
    severity=Severity.WARNING,
    reason="""
        `python_file` begins at the working directory, and without one at the build directory.
        """,
    bad={
        "dagster_cloud.yaml": """
            locations:
              - location_name: etl
                code_source:
                  python_file: definitions.py
            """,
        "repo.py": "",
        "setup.py": "",
    },
    good={
        "dagster_cloud.yaml": """
            locations:
              - location_name: etl
                code_source:
                  python_file: definitions.py
            """,
        "definitions.py": "",
        "setup.py": "",
    },
)
def no_such_python_file(project: Project) -> Iterator[Violation]:
    """The Python file exists."""
    for location in project.definitions:
        source = location.code_source
        if source is None or source.by != "python_file" or _UNFILLED.search(source.target.value):
            continue
        if location.kind not in {Kind.SERVERLESS, Kind.HYBRID} or is_outside(location.build_folder):
            continue
        working = "" if location.working_directory is None else location.working_directory.value
        bases = {location.build_folder, posixpath.join(location.build_folder, working)}
        if not folder_exists(project, location.build_folder) or working.startswith("/"):
            continue
        if not any((project.root / base / source.target.value).is_file() for base in bases):
            yield Violation(
                position=source.position,
                message=f"there is no file {source.target.value!r} in {location.build_folder!r}",
                instead=_meant_file(project, location, source.target.value),
            )


@rule(
    "DS245",
    "path-of-a-developer",
    severity=Severity.WARNING,
    reason="""
        `executable_path` is the Python of the machine or image where the code runs. A path in
        somebody's home folder is hardly there.
        """,
    bad="""
        locations:
          - location_name: etl
            code_source:
              package_name: etl
            executable_path: /Users/ada/.venv/bin/python
        """,
    good="""
        locations:
          - location_name: etl
            code_source:
              package_name: etl
            executable_path: /opt/etl/bin/python
        """,
)
def path_of_a_developer(project: Project) -> Iterator[Violation]:
    """A path does not belong to a developer's machine."""
    for location in project.definitions:
        for value in (location.executable_path, location.working_directory):
            if value is not None and _DEVELOPER.search(value.value):
                yield Violation(
                    position=value.position,
                    message=f"{value.value!r} is a path on a developer's machine",
                    instead="Write the path as it is where the code runs",
                )


def _meant_file(project: Project, location: Location, target: str) -> str:
    """The file that was probably meant: of the same name elsewhere, or of nearly the same."""
    folder = project.root / location.build_folder
    there = [each for pattern in ("*.py", "*/*.py", "*/*/*.py") for each in folder.glob(pattern)]
    names = [each.relative_to(folder).as_posix() for each in there]
    same = [each for each in names if posixpath.basename(each) == posixpath.basename(target)]
    meant = min(same, key=len, default=None) or nearest(target, names)
    return f"Did you mean {meant!r}?" if meant else "Write its path from the build directory"


def _with_directory(project: Project, *, outside: bool = False) -> Iterator[Location]:
    """Locations with a build directory that can be looked up."""
    for location in project.definitions:
        directory = location.build_directory
        if directory is None or _UNFILLED.search(directory.value):
            continue
        if outside or not directory.value.startswith("/"):
            yield location


def _has_dockerfile(project: Project, folder: str) -> bool:
    """Whether there is one in a folder or above it, up to the root."""
    while not file_exists(project, posixpath.join(folder, "Dockerfile")):
        if folder in {"", "."}:
            return False
        folder = posixpath.dirname(folder)
    return True


def _leaves_repository(project: Project, folder: str) -> bool:
    if folder.startswith("/"):
        return True
    # The root of the project may be a folder inside the repository.
    return is_outside(folder) and not (project.root / folder).resolve().is_relative_to(
        project.repository.resolve()
    )
