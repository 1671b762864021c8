"""Loads the definitions of built PEX files once, as the managed pool will.

Dependencies are unpacked into an environment of the target Python that is kept, as the pool keeps
it; the location's own files lie in front of it, and the process is started in
``working_directory/root``. The code server's own loader does the rest.
"""

from __future__ import annotations

import json
import shutil
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dagstead.build.cache import BuildCache, touch
from dagstead.build.model import PlannedBuild
from dagstead.build.programs import Programs
from dagstead.build.results import PexFiles
from dagstead.build.uv import PythonTarget
from dagstead.errors import BuildStepError

_SOURCES = ("python_file", "module_name", "package_name", "autoload_defs_module_name")
_WORKING_DIRECTORY = Path("working_directory", "root")
_READY = "dagstead-ready"
#: Of an error in a sentence; all of it follows.
_MOST_CHARACTERS = 200

#: Run by the target Python with the user's Dagster, which may be older than ours: what a function
#: does not know is left out. So are frames of Dagster and of Python's import system, unless they
#: are all that there is of an error that is not Dagster's own.
_LOADER = """
import inspect, json, os, sys, traceback, warnings

warnings.simplefilter("ignore")
given = json.loads(sys.argv[1])


def fitting(function, values):
    # A record of newer ones takes any keyword, and names its fields in its annotations.
    names = {*inspect.signature(function).parameters, *getattr(function, "__annotations__", ())}
    return function(**{name: value for name, value in values.items() if name in names})


def user_frames(frames):
    import dagster

    hidden = (os.path.dirname(dagster.__file__), "<frozen importlib", "<string>", importlib)
    return [frame for frame in frames if not frame.filename.startswith(hidden)]


importlib = os.path.dirname(__import__("importlib").__file__)
try:
    from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
    from dagster._grpc.server import LoadedRepositories

    loaded = fitting(
        LoadedRepositories,
        {
            "loadable_target_origin": fitting(LoadableTargetOrigin, given),
            "container_image": None,
            "entry_point": ["dagster"],
            "container_context": None,
            "code_location_name": os.environ.get("DAGSTER_LOCATION_NAME"),
        },
    )
except BaseException as error:
    cause = error
    while cause.__cause__ is not None and type(cause).__module__.startswith("dagster"):
        cause = cause.__cause__
    shown = traceback.TracebackException.from_exception(cause)
    kept = user_frames(shown.stack)
    if kept or type(cause).__module__.startswith("dagster"):
        shown.stack = traceback.StackSummary.from_list(kept)
    print("".join(shown.format()).rstrip(), file=sys.stderr)
    sys.exit(1)
repositories = loaded.definitions_by_name.values()
assets = sum(len(each.asset_graph.get_all_asset_keys()) for each in repositories)
jobs = sum(len(each.get_all_jobs()) for each in repositories)
print(json.dumps({"assets": assets, "jobs": jobs}))
"""

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
    target: PythonTarget,
    cache: BuildCache,
    programs: Programs,
) -> str | None:
    """Load the definitions of a built location; what was found, in a few words.

    Raises:
        BuildStepError: when they cannot be loaded, with the user's part of the traceback.
    """
    if target.is_elsewhere:
        return f"not tried: it is for {target.platform}, and this is another machine"
    layer = _layer(files.dependencies, target, cache, programs)
    with cache.scratch() as scratch:
        with zipfile.ZipFile(files.source) as archive:
            names = [name for name in archive.namelist() if not name.startswith(".bootstrap/")]
            archive.extractall(scratch, names)
        folder = scratch / _WORKING_DIRECTORY
        origin = _origin(planned.document, folder)
        ended = programs.run(
            (str(layer / "bin" / "python"), "-c", _LOADER, json.dumps(origin)),
            folder=folder,
            variables={
                **_REMOVED,
                "PYTHONPATH": str(scratch),
                "DAGSTER_LOCATION_NAME": planned.location,
            },
        )
        if ended.code == 0:
            return _found(ended.lines[-1] if ended.lines else "")
        # The paths of a folder that is gone help nobody.
        said = tuple(
            line.replace(f"{folder}/", "").replace(f"{scratch}/", "") for line in ended.lines
        )
    why = _short(said[-1]) if said else f"exit code {ended.code}"
    msg = (
        f"The definitions of {planned.location!r} ({_named(origin)}) cannot be loaded from what "
        f"was built: {why}. They would fail in the same way after the deploy. If they can only be "
        "loaded where they run, skip this with --no-load."
    )
    raise BuildStepError(msg, output=said)


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
    return f"{counts['assets']} assets, {counts['jobs']} jobs"
