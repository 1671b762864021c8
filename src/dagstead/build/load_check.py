"""Loads the definitions of built PEX files once, as the managed pool will.

Dependencies are unpacked into an environment of the target Python that is kept, as the pool keeps
it; the location's own files lie in front of it, and the process is started in
``working_directory/root``, with the programs of the dependencies first on its path. The code
server's own loader does the rest.
"""

from __future__ import annotations

import json
import shutil
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dagstead.build.cache import BuildCache, touch
from dagstead.build.load_failures import UnpackedBuild, cures, read_report, unreported
from dagstead.build.loader import LOADER
from dagstead.build.model import PlannedBuild
from dagstead.build.programs import Programs
from dagstead.build.results import PexFiles
from dagstead.build.uv import PythonTarget
from dagstead.errors import BuildStepError
from dagstead.model.user_code import with_programs
from dagstead.model.words import sentence

_SOURCES = ("python_file", "module_name", "package_name", "autoload_defs_module_name")
_WORKING_DIRECTORY = Path("working_directory", "root")
_READY = "dagstead-ready"
#: Of an error in a sentence; all of it follows.
_MOST_CHARACTERS = 200

_REMOVED: Mapping[str, str | None] = {
    # What Python compiles of the dependencies serves the next build.
    "PYTHONDONTWRITEBYTECODE": None,
    "PYTHONHOME": None,
    "PYTHONPATH": None,
    "VIRTUAL_ENV": None,
    "DAGSTER_HOME": None,
}


def load(
    planned: PlannedBuild,
    files: PexFiles,
    packages: Sequence[Path],
    target: PythonTarget,
    cache: BuildCache,
    programs: Programs,
) -> str | None:
    """Load the definitions of a built location; what was found, in a few words.

    Args:
        planned: the location.
        files: what was built of it.
        packages: the folders of packages of the repository that are in it.
        target: the Python that it is for.
        cache: keeps the unpacked dependencies.
        programs: starts the Python.

    Raises:
        BuildStepError: when they cannot be loaded, with the user's part of the traceback.
    """
    if target.is_elsewhere:
        return f"not tried: it is for {target.platform}, and this is another machine"
    layer = _layer(files.dependencies, target, cache, programs)
    with cache.scratch() as scratch:
        content = scratch / "content"
        with zipfile.ZipFile(files.source) as archive:
            names = [name for name in archive.namelist() if not name.startswith(".bootstrap/")]
            archive.extractall(content, names)
        folder = content / _WORKING_DIRECTORY
        origin = _origin(planned.document, folder)
        report = scratch / "report.json"
        ended = programs.run(
            (str(layer / "bin" / "python"), "-c", LOADER, json.dumps(origin), str(report)),
            folder=folder,
            variables={
                **with_programs(programs.environment, [str(layer / "bin")]),
                **_REMOVED,
                "PYTHONPATH": str(content),
                "DAGSTER_LOCATION_NAME": planned.location,
            },
        )
        if ended.code == 0:
            return _found(ended.lines[-1] if ended.lines else "")
        said = read_report(report) or unreported(ended)
        built = UnpackedBuild(
            content=content, directory=planned.directory, packages=tuple(packages)
        )
        why = " ".join((sentence(_short(built.without_scratch(said.summary))), *cures(said, built)))
        output = tuple(map(built.without_scratch, ended.lines))
    msg = (
        f"The definitions of {planned.location!r} ({_named(origin)}) cannot be loaded from what "
        f"was built: {why} The deploy would fail in the same way. If the definitions can only be "
        "loaded where they run, skip this with --no-load."
    )
    raise BuildStepError(msg, output=output)


def _layer(dependencies: Path, target: PythonTarget, cache: BuildCache, programs: Programs) -> Path:
    """The unpacked dependencies, as ``dagstead.serverless.pex_tool`` unpacks them in the pool."""
    folder = cache.layers / f"{dependencies.stem}-{target.version}"
    with cache.lock(folder.name):
        if (folder / _READY).is_file() and (folder / "bin" / "python").exists():
            touch(folder)
            return folder
        shutil.rmtree(folder, ignore_errors=True)
        with cache.scratch() as scratch:
            command = (
                *(sys.executable, "-m", "pex.cli", "venv", "create"),
                *("--pex-repository", str(dependencies), "--dest-dir", str(folder)),
                *("--python", str(target.python), "--pex-root", str(scratch)),
                *("--collisions-ok", "--non-hermetic-scripts"),
            )
            programs.must(
                f"{dependencies.name} cannot be unpacked with Python {target.version}",
                command,
                folder=scratch,
            )
        (folder / _READY).touch()
    return folder


def _origin(document: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    source = document.get("code_source") or {}
    named = {key: source[key] for key in _SOURCES if source.get(key)}
    working = document.get("working_directory")
    return {
        **named,
        "attribute": document.get("attribute"),
        "working_directory": str(folder / working) if working else str(folder),
    }


def _named(origin: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {origin[key]}" for key in _SOURCES if origin.get(key))


def _short(text: str) -> str:
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}…"


def _found(line: str) -> str | None:
    try:
        counts = json.loads(line)
    except ValueError:
        return None
    kinds = ("assets", "jobs")
    return ", ".join(f"{counts[each]} {each if counts[each] != 1 else each[:-1]}" for each in kinds)
