"""Why definitions could not be loaded, and what cures it: above all, files that were not built."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dagstead.build.commits import ask_git
from dagstead.build.programs import ProgramResult
from dagstead.build.tree import files_below
from dagstead.repository.python.uv_locks import pyproject, table

_WORKING_DIRECTORY = "working_directory/root/"
#: What may be the path of a file in a sentence: it has a folder, or a suffix.
_PATH = re.compile(r"[\w.@+~-]*(?:/[\w.@+~-]*[\w@+~-])+|[\w@+~-]+\.[a-z]\w*")
#: ``dagster.components.core.component_tree`` looks from a module upwards.
_NO_CONFIG = re.compile(r"could not find config file \(pyproject\.toml", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadReport:
    """An error of user code."""

    #: Its type and its first line.
    summary: str
    #: All of its words.
    text: str
    #: The files that it, and what led to it, is about.
    files: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class UnpackedBuild:
    """What was built, unpacked, and what it was built from."""

    #: The content of the source's PEX file.
    content: Path
    #: The build folder.
    directory: Path
    #: The folders of packages of the repository.
    packages: tuple[Path, ...]

    def without_scratch(self, text: str) -> str:
        """A text without the paths of a folder that is gone when people read it."""
        root = f"{self.content}/{_WORKING_DIRECTORY}"
        return text.replace(root, "").replace(f"{self.content}/", "")


def read_report(path: Path) -> LoadReport | None:
    """What the loader has written; ``None`` where it did not come to it."""
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return LoadReport(
        summary=written["summary"], text=written["text"], files=tuple(written["files"])
    )


def unreported(ended: ProgramResult) -> LoadReport:
    """What can be said of a process that ended before it could report."""
    if ended.code < 0:
        summary = f"its process was ended by signal {-ended.code}"
    else:
        summary = f"its process ended with exit code {ended.code}"
    last = next((line.strip() for line in reversed(ended.lines) if line.strip()), "")
    return LoadReport(summary=f"{summary} ({last})" if last else summary, text=ended.text)


def cures(report: LoadReport, built: UnpackedBuild) -> Iterator[str]:
    """Sentences for what is known to help."""
    if _NO_CONFIG.search(report.text):
        yield _without_config(built)
    for path in _missing(report, built):
        sentence = _left_out(path, built)
        if sentence is not None:
            yield sentence
            return


def _without_config(built: UnpackedBuild) -> str:
    what = "Dagster looks for it above the module, and the built package leaves pyproject.toml out"
    if any("hatchling" in _backend(each) for each in built.packages):
        return (
            f"{what}: add [tool.hatch.build.targets.wheel] "
            'force-include = {"pyproject.toml" = "pyproject.toml"} to it.'
        )
    return f"{what}: have its build backend put the file at the top of the wheel."


def _missing(report: LoadReport, built: UnpackedBuild) -> Iterator[str]:
    """Paths, relative to the unpacked content, that the error names and that are not there."""
    words = (*report.files, *(found[0] for found in _PATH.finditer(report.text)))
    for word in dict.fromkeys(words):
        path = Path(word)
        if path.is_absolute() and not path.is_relative_to(built.content):
            continue
        full = path if path.is_absolute() else built.content / path
        below_root = built.content / _WORKING_DIRECTORY / path
        if not full.exists() and not below_root.exists():
            yield posixpath.normpath(full.relative_to(built.content).as_posix())


def _left_out(path: str, built: UnpackedBuild) -> str | None:
    """Why a file that was looked for is not in what was built, where it exists here."""
    if path.startswith(_WORKING_DIRECTORY):
        here = path.removeprefix(_WORKING_DIRECTORY)
        if not (built.directory / here).exists():
            return None
        return (
            f"{here!r} is in the build folder, but not in what was built: folders of its name hold "
            "caches and the like, and are left out of every build."
        )
    for package in built.packages:
        for file in files_below(package):
            before, found, _ = f"/{file.name}/".partition(f"/{path}/")
            if found:
                return _not_packed(package, f"{before}/{path}".lstrip("/"), path)
    return None


def _not_packed(package: Path, name: str, path: str) -> str:
    ignored = ask_git(package, "check-ignore", "--no-index", "--", name) is not None
    backend = _backend(package)
    git = "git ignores it, and " if ignored else ""
    begin = f"{name!r} is in the build folder, but not in the package that was built from it:"
    pattern = f"{posixpath.dirname(name)}/*"
    if "hatchling" in backend:
        key = "[tool.hatch.build] artifacts" if ignored else "[tool.hatch.build.targets.wheel]"
        cure = f'Add {key} = ["{pattern}"]' if ignored else f"Include it in {key}"
        return f"{begin} {git}hatchling follows {'git' if ignored else 'its settings'}. {cure}."
    if "poetry" in backend:
        cure = f'[tool.poetry] include = [{{path = "{pattern}", format = ["sdist", "wheel"]}}]'
        return f"{begin} {git}Poetry leaves it out: add {cure}."
    if "setuptools" in backend:
        top, _, below = path.partition("/")
        data = f'[tool.setuptools.package-data] {top} = ["{posixpath.dirname(below) or "."}/*"]'
        return f"{begin} setuptools takes modules only, unless data is named: add {data}."
    return f"{begin} {git}its build backend {backend} leaves it out. Include it there."


def _backend(package: Path) -> str:
    system = table(pyproject(package).get("build-system"))
    return str(system.get("build-backend") or "setuptools.build_meta")
