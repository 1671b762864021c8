"""DS246: the module that holds the definitions."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from dagstead.model.families import Family
from dagstead.model.location import CodeSource, Kind, Location
from dagstead.model.words import nearest
from dagstead.repository.files.project import Project, is_outside, project_prefix
from dagstead.repository.python.modules import MissingModule, PythonModules
from dagstead.repository.rules.base import Severity, Violation, rule
from dagstead.repository.rules.visit import folder_exists

_MODULE = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
#: What is the path of a module, and no name.
_PATH = re.compile(r"(?:\./)?\w+(?:/\w+)+(?:\.py)?")
#: How many modules a message names.
_MOST_NAMES = 6
_GOOD = {
    "dagster_cloud.yaml": """
        locations:
          - location_name: etl
            code_source:
              module_name: etl.definitions
        """,
    "setup.py": "",
    "etl/__init__.py": "",
    "etl/definitions.py": "",
}


@rule(
    "DS246",
    "no-such-module",
    severity=Severity.WARNING,
    reason="""
        The package is in the build directory, or in `src` below it, and the module that is named is
        not in it: the code server cannot import it. A dg project that names no
        `code_location_target_module` takes `definitions` of its root module.

        A package that is not in the repository may be installed from elsewhere: nothing is said,
        unless one of nearly that name has the module. The root module of a dg project is its own.
        """,
    bad={
        **{key: text for key, text in _GOOD.items() if "definitions" not in key},
        "etl/defs.py": "",
    },
    good=_GOOD,
)
def no_such_module(project: Project) -> Iterator[Violation]:
    """The module with the definitions exists."""
    modules = PythonModules(project.repository)
    prefix = project_prefix(project)
    seen: set[tuple[str, int]] = set()
    for location in project.definitions:
        source = location.code_source
        if source is None or not _is_judged(project, location, source):
            continue
        node = source.target.node
        if _PATH.fullmatch(source.target.value):
            yield _path_given(source)
            continue
        roots, is_own = list(_roots(prefix, location)), location.family is Family.DG
        missing = modules.missing(source.target.value, roots, is_own=is_own)
        if missing is not None and (node.source.file, node.start) not in seen:
            seen.add((node.source.file, node.start))
            yield _violation(location, source, missing)


def _is_judged(project: Project, location: Location, source: CodeSource) -> bool:
    folder = location.build_folder
    return (
        source.by != "python_file"
        and location.kind in {Kind.SERVERLESS, Kind.HYBRID}
        and (_MODULE.fullmatch(source.target.value) or _PATH.fullmatch(source.target.value))
        is not None
        and not is_outside(folder)
        and folder_exists(project, folder)
    )


def _roots(prefix: str, location: Location) -> Iterator[str]:
    """Where an import looks: the build directory is the working directory, and is installed."""
    folder = posixpath.normpath(posixpath.join(prefix, location.build_folder))
    yield folder
    yield posixpath.normpath(posixpath.join(folder, "src"))
    working = location.working_directory
    if working is not None and not working.value.startswith("/"):
        yield posixpath.normpath(posixpath.join(folder, working.value))


def _path_given(source: CodeSource) -> Violation:
    path = source.target.value
    module = path.removeprefix("./").removesuffix(".py").replace("/", ".")
    return Violation(
        position=source.position,
        message=f"{path!r} is a path, and {source.by} is the name of a module",
        instead=f"Write {module!r}",
    )


def _violation(location: Location, source: CodeSource, missing: MissingModule) -> Violation:
    module = source.target.value
    package, _, name = module.rpartition(".")
    at = missing.package
    if not at:
        first, _, rest = module.partition(".")
        meant = ".".join(filter(None, (*missing.modules, rest)))
        message = f"there is no module {module!r}: the repository has no {first!r}"
        instead = f"Did you mean {meant!r}?" if missing.modules else "Name a package that it has"
        return Violation(position=source.position, message=message, instead=instead)
    message = f"there is no module {module!r}: {at!r} has no {module[len(at) + 1 :]!r}"
    near = nearest(name, missing.modules) if package == missing.package else None
    if name == "py":
        instead = f"Did you mean {package!r}?"
    elif near is None:
        below = missing.modules[:_MOST_NAMES]
        known = ", ".join(f"{missing.package}.{each}" for each in below)
        instead = f"It has {known}" if known else "It holds no modules"
    else:
        instead = f"Did you mean '{missing.package}.{near}'?"
    if location.family is Family.DG and location.written.get("code_location_target_module") is None:
        message += ", which dg takes where code_location_target_module names no other"
    return Violation(position=source.position, message=message, instead=instead)
