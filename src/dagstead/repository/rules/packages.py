"""DS26x: what a PEX file cannot be made from, or is made without."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dagstead.model.location import Location
from dagstead.model.nodes import Node
from dagstead.model.source import Position, SourceText
from dagstead.repository.files.project import Project
from dagstead.repository.files.toml_files import TomlFiles
from dagstead.repository.files.toml_reader import read_toml
from dagstead.repository.python.needs import READ, is_read
from dagstead.repository.rules.base import Severity, Violation, evidence_rule
from dagstead.repository.rules.build_folders import unnamed_folder
from dagstead.repository.rules.evidence import Evidence
from dagstead.repository.rules.visit import file_exists

HOOKS = ("dagster_cloud_pre_install.sh", "dagster_cloud_post_install.sh")
#: Files of other tools, and how to make of them one that is read.
_EXPORTS: Mapping[str, str] = {
    "pixi.toml": "Write the packages that `pixi list --explicit` prints into requirements.txt",
    "Pipfile": "Run `pipenv requirements > requirements.txt`",
    "poetry.lock": "Run `poetry export -o requirements.txt`",
    "pdm.lock": "Run `pdm export -o requirements.txt`",
    "uv.lock": "Run `uv export -o requirements.txt`",
    **dict.fromkeys(
        ("environment.yml", "environment.yaml", "conda.yml", "conda.yaml", "conda-lock.yml"),
        "Write the packages of its environment into requirements.txt, as with `pip freeze`",
    ),
    "meta.yaml": "Write what it requires to run into requirements.txt",
    "pylock.toml": "Write its packages into requirements.txt",
    "setup.cfg": "Add a pyproject.toml with [build-system], so that setuptools reads it",
}
#: Where other tools keep dependencies in ``pyproject.toml``.
_OTHER_TABLES = (
    ("tool", "pixi"),
    ("tool", "hatch", "envs"),
    ("tool", "pdm", "dev-dependencies"),
    ("dependency-groups",),
)
_ALSO_PINNED = re.compile(r"requirements.*\.(?:txt|in|lock)")
_CODE = (".py", ".ipynb", ".sql")
_FROM_FOLDER = re.compile(r"\bload_from_defs_folder\s*\(")
#: A script that writes one of the files that are read.
_WRITES = re.compile(
    r"(?:>|\btee\b|\bcp\b|\bmv\b|-o\b|--output(?:-file)?\b)[^\n]*"
    r"\b(?:requirements\.txt|setup\.py|pyproject\.toml)\b"
)
_MOST_LISTED = 4
_ONE = """
    locations:
      - location_name: etl
        code_source:
          module_name: etl.definitions
    """
_CODE_FILES = {"dagster_cloud.yaml": _ONE, "etl/__init__.py": "", "etl/definitions.py": ""}
_NEEDS = "dagster\ndagster-cloud\n"


@evidence_rule(
    "DS260",
    "nothing-to-install",
    reason="""
        A PEX file is made from what `pyproject.toml` (with `[project]` or `[tool.poetry]`),
        `setup.py` or `requirements.txt` of the build directory ask for. Files of other tools are
        not read, and the official builder stops when there are none of these, or when
        `pyproject.toml` is not TOML.
        """,
    bad={**_CODE_FILES, "pixi.toml": '[dependencies]\ndagster = "*"\n'},
    good={**_CODE_FILES, "requirements.txt": _NEEDS},
)
def nothing_to_install(evidence: Evidence) -> Iterator[Violation]:
    """The build directory of a PEX file says what it needs."""
    for location, _ in evidence.pex_builds:
        found = uninstallable(evidence, location)
        if found is not None:
            yield found


@evidence_rule(
    "DS261",
    "no-dagster-cloud",
    severity=Severity.WARNING,
    reason="""
        A code server is started with `dagster-cloud`, which brings Dagster with it. The builder
        stops, after all else is resolved, when the packages do not include `dagster` and
        `dagster-cloud`. `create-dagster project` leaves it out.

        Nothing is said where the needs are found out by a program, are written by a step before
        the build, come from an index of your own, or a lock file has the package.
        """,
    bad={**_CODE_FILES, "requirements.txt": "dagster\n"},
    good={**_CODE_FILES, "requirements.txt": _NEEDS},
)
def no_dagster_cloud(evidence: Evidence) -> Iterator[Violation]:
    """The packages of a PEX file include `dagster-cloud`."""
    for location, folder in evidence.pex_builds:
        if unnamed_folder(evidence.project, location) is not None:
            continue
        names = evidence.needs.names(folder)
        if names is None or "dagster-cloud" in names:
            continue
        if "dagster-cloud" in evidence.needs.locked(folder) or _is_made(evidence, location):
            continue
        unread = [] if names else [*_unread_tables(evidence.documents, folder), *_unread(folder)]
        has_dagster = any(each.startswith("dagster") for each in names)
        missing = "dagster-cloud" if has_dagster else "dagster or dagster-cloud"
        position, how = _where_to_add(evidence.project, location, folder)
        yield Violation(
            position=position,
            message=f"the dependencies of {location.name.value!r} do not include {missing}, "
            f"without which no code server can start{_not_read(unread)}",
            instead=how,
        )


@evidence_rule(
    "DS262",
    "dg-settings-not-installed",
    severity=Severity.WARNING,
    reason="""
        `load_from_defs_folder` looks for the project's `pyproject.toml` above the installed
        package. Hatch leaves it out of the wheel, so that the location fails to load with "Could
        not find config file". Projects that `create-dagster` has made since
        September 2025 include it.
        """,
    bad={
        "etl/pyproject.toml": """
            [project]
            name = "etl"
            version = "1"
            dependencies = ["dagster", "dagster-cloud"]

            [build-system]
            requires = ["hatchling"]
            build-backend = "hatchling.build"

            [tool.dg]
            directory_type = "project"

            [tool.dg.project]
            root_module = "etl"
            """,
        "etl/src/etl/definitions.py": "defs = load_from_defs_folder(path_within_project=HERE)\n",
    },
    good={
        "etl/pyproject.toml": """
            [project]
            name = "etl"
            version = "1"
            dependencies = ["dagster", "dagster-cloud"]

            [build-system]
            requires = ["hatchling"]
            build-backend = "hatchling.build"

            [tool.hatch.build.targets.wheel]
            force-include = { "pyproject.toml" = "pyproject.toml" }

            [tool.dg]
            directory_type = "project"

            [tool.dg.project]
            root_module = "etl"
            """,
        "etl/src/etl/definitions.py": "defs = load_from_defs_folder(path_within_project=HERE)\n",
    },
)
def dg_settings_not_installed(evidence: Evidence) -> Iterator[Violation]:
    """The wheel of a dg project holds dg's settings."""
    for location, folder in evidence.pex_builds:
        if not _is_for_hatch(evidence.documents.get(folder / "pyproject.toml")):
            continue
        document = _document(evidence.project, location, "pyproject.toml")
        backend = None if document is None else document.get("build-system", "build-backend")
        if document is None or backend is None:
            continue
        settings = "dg.toml" if (folder / "dg.toml").is_file() else "pyproject.toml"
        is_dg = settings == "dg.toml" or document.get("tool", "dg") is not None
        if is_dg and _loads_a_folder(location, folder) and not _includes(document, settings):
            yield Violation(
                position=backend.position,
                message=f"Hatch leaves {settings} out of the wheel, and load_from_defs_folder "
                "does not load without it",
                instead="Add to [tool.hatch.build.targets.wheel]: "
                f'force-include = {{ "{settings}" = "{settings}" }}',
            )


@evidence_rule(
    "DS263",
    "hook-not-run",
    severity=Severity.WARNING,
    reason="""
        `dagster_cloud_pre_install.sh` and `dagster_cloud_post_install.sh` are run in builds of
        images only, by the Dockerfile that the official command line writes. No build of a PEX
        file runs them: what they install or write is not there.
        """,
    bad={**_CODE_FILES, "requirements.txt": _NEEDS, HOOKS[1]: "dbt deps\n"},
    good={**_CODE_FILES, "requirements.txt": _NEEDS, "make_manifest.sh": "dbt deps\n"},
)
def hook_not_run(evidence: Evidence) -> Iterator[Violation]:
    """What a location needs does not depend on a hook that is not run."""
    for location, _ in evidence.pex_builds:
        for hook in HOOKS:
            if file_exists(evidence.project, posixpath.join(location.build_folder, hook)):
                yield Violation(
                    position=place_of_build(location),
                    message=f"{hook} in {location.build_folder!r} is run in builds of images only, "
                    f"and {location.name.value!r} is built as a PEX file",
                    instead="Do what it does in a step before the build, or build an image with "
                    "'ci build --build-strategy docker'",
                )


def uninstallable(evidence: Evidence, location: Location) -> Violation | None:
    """What is wrong where nothing says what the PEX file of a location needs."""
    folder = evidence.pex_folders.get(location.name.value)
    if folder is None:
        return None
    if is_read(folder):
        return _malformed(evidence, location, folder)
    if not _is_judged(folder):
        return None
    if unnamed_folder(evidence.project, location) is not None or _is_made(evidence, location):
        return None
    unread = list(_unread(folder))
    return Violation(
        position=place_of_build(location),
        message=f"{location.name.value!r} is built as a PEX file, and "
        f"{location.build_folder!r} has none of {', '.join(READ)}{_not_read(unread)}",
        instead=_way_out(unread, list(_folders_that_say(folder))),
    )


def _malformed(evidence: Evidence, location: Location, folder: Path) -> Violation | None:
    """A `pyproject.toml` that no builder can read."""
    path = folder / "pyproject.toml"
    if evidence.documents.get(path) is not None or not path.is_file():
        return None
    source = _source(evidence.project, location, path.name)
    problem = read_toml(source).syntax
    if problem is None:
        return None
    return Violation(
        position=source.position(problem.start, problem.end),
        message=f"this is not TOML, and {location.name.value!r} is built from it: "
        f"{problem.message}",
        instead="Correct this line, or what opens a quote or bracket before it",
    )


def _is_made(evidence: Evidence, location: Location) -> bool:
    """Whether a workflow may write what is missing before it builds."""
    deployers = evidence.inspection.deployers.get(location.name.value, ())
    texts = {each.inspected.workflow.source.text for each in deployers}
    return any(_WRITES.search(text) for text in texts)


def place_of_build(location: Location) -> Position:
    """Where a location names what is built."""
    directory = location.build_directory
    return location.position if directory is None else directory.position


def _is_judged(folder: Path) -> bool:
    """Whether there is something to build, or nothing at all: not configuration alone."""
    names = [each for each in os.listdir(folder) if not each.startswith(".")]  # noqa: PTH208 - names
    if not names or any(each in _EXPORTS or each in READ for each in names):
        return True
    below = (name for _, _, files in os.walk(folder) for name in files)
    return any(name.endswith(_CODE) for name in below)


def _unread(folder: Path) -> Iterator[str]:
    for name in sorted(os.listdir(folder)):  # noqa: PTH208 - names
        if name in _EXPORTS or _ALSO_PINNED.fullmatch(name):
            yield name


def _unread_tables(documents: TomlFiles, folder: Path) -> Iterator[str]:
    document = documents.get(folder / "pyproject.toml") or {}
    for keys in _OTHER_TABLES:
        inner: Any = document
        for key in keys:
            inner = inner.get(key) if isinstance(inner, dict) else None
        if inner is not None:
            yield f"[{'.'.join(keys)}]"


def _not_read(unread: list[str]) -> str:
    if not unread:
        return ""
    verb = "is" if len(unread) == 1 else "are"
    return f"; {' and '.join(unread[:_MOST_LISTED])} {verb} not read"


def _folders_that_say(folder: Path) -> Iterator[str]:
    """The folders below that have what is looked for, the nearest first."""
    for pattern in ("*", "*/*"):
        for name in READ:
            for each in sorted(folder.glob(f"{pattern}/{name}")):
                yield each.parent.relative_to(folder).as_posix()


def _way_out(unread: list[str], below: list[str]) -> str:
    pinned = [each for each in unread if each not in _EXPORTS]
    how = next((_EXPORTS[each] for each in unread if each in _EXPORTS), None)
    if pinned:
        return f"Write requirements.txt with the line '-r {pinned[0]}', or rename it"
    if how is None and below:
        return f"Name the folder that has them in build.directory, such as {below[0]!r}"
    if how is None:
        return 'Write pyproject.toml with [project] and dependencies = ["dagster-cloud", …]'
    return how


def _where_to_add(project: Project, location: Location, folder: Path) -> tuple[Position, str]:
    """The place of the list that lacks something, and how to put it there."""
    document = _document(project, location, "pyproject.toml")
    table = None if document is None else document.get("project")
    if table is not None:
        wanted = table.get("dependencies") or table
        return wanted.position, "Run `uv add dagster-cloud`, or write it there"
    poetry = None if document is None else document.get("tool", "poetry")
    if poetry is not None:
        wanted = poetry.get("dependencies") or poetry
        return wanted.position, "Run `poetry add dagster-cloud`, or write it there"
    ways = {
        "requirements.txt": "Add a line: dagster-cloud",
        "setup.py": "Add to install_requires: 'dagster-cloud'",
        "pyproject.toml": 'Add [project] with dependencies = ["dagster-cloud", …]',
    }
    name = next(each for each in ways if (folder / each).is_file())
    return _source(project, location, name).position(0, 0), ways[name]


def _document(project: Project, location: Location, name: str) -> Node | None:
    if not file_exists(project, posixpath.join(location.build_folder, name)):
        return None
    return read_toml(_source(project, location, name)).root


def _source(project: Project, location: Location, name: str) -> SourceText:
    path = posixpath.normpath(posixpath.join(location.build_folder, name))
    try:
        return SourceText.decode(path, (project.root / path).read_bytes())
    except (OSError, UnicodeDecodeError):
        return SourceText(file=path, text="")


def _is_for_hatch(document: Mapping[str, Any] | None) -> bool:
    system = (document or {}).get("build-system")
    backend = system.get("build-backend") if isinstance(system, dict) else None
    return isinstance(backend, str) and backend.startswith("hatchling")


def _loads_a_folder(location: Location, folder: Path) -> bool:
    source = location.code_source
    if source is None or source.by == "python_file":
        return False
    inner = source.target.value.replace(".", "/")
    for path in (
        f"{inner}.py",
        f"{inner}/__init__.py",
        f"src/{inner}.py",
        f"src/{inner}/__init__.py",
    ):
        try:
            text = (folder / path).read_text(encoding="utf-8", errors="replace")
        except (OSError, ValueError):
            continue
        if _FROM_FOLDER.search(text):
            return True
    return False


def _includes(document: Node, settings: str) -> bool:
    for keys in (("build",), ("build", "targets", "wheel")):
        table = document.get("tool", "hatch", *keys, "force-include")
        entries = () if table is None else table.entries
        if any(posixpath.normpath(str(each.key.value)) == settings for each in entries):
            return True
    # A hook may write anything into the wheel; and what is no package is not installed as one.
    hooks = document.get("tool", "hatch", "build", "hooks")
    package = document.get("tool", "uv", "package")
    return hooks is not None or (package is not None and package.value is False)
