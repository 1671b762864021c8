"""``build.json``: what a build left in a folder, for a deploy that comes later or elsewhere."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dagstead.build.cache import write_whole
from dagstead.build.model import Commit, Strategy
from dagstead.build.results import BuildResult, Image, NoArtifact, PexFiles, Result
from dagstead.build.tree import file_digest
from dagstead.errors import InvalidInputError
from dagstead.repository.files.outputs import MANIFEST

NAME = MANIFEST
_VERSION = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """Everything of one build."""

    built: tuple[BuildResult, ...]
    #: ``None`` outside of git.
    commit: Commit | None = None

    def as_json(self) -> dict[str, Any]:
        """For programs. Files are named, with their SHA-256; they lie beside the manifest."""
        return {
            "version": _VERSION,
            "commit": None if self.commit is None else asdict(self.commit),
            "locations": [_described(each) for each in self.built],
        }


def write_manifest(folder: Path, manifest: Manifest) -> Path:
    """Write the manifest into the folder that has the files."""
    path = folder / NAME
    write_whole(path, json.dumps(manifest.as_json(), indent=2) + "\n")
    return path


def read_manifest(folder: Path) -> Manifest:
    """Read a manifest, and check that its files are there, and are those that were built.

    Raises:
        InvalidInputError: when they are not, or it is no manifest of ours.
    """
    path = folder / NAME
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        msg = f"There is no {NAME} in {str(folder)!r}. `dagstead build --output` makes it."
        raise InvalidInputError(msg) from error
    except (OSError, ValueError) as error:
        raise _no_manifest(path, str(error)) from error
    if not isinstance(written, dict) or written.get("version") != _VERSION:
        raise _no_manifest(path, "it is of another version")
    try:
        commit = written["commit"]
        return Manifest(
            built=tuple(_built(each, folder) for each in written["locations"]),
            commit=None if commit is None else Commit(**commit),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise _no_manifest(path, f"{type(error).__name__}: {error}") from error


def _described(built: BuildResult) -> dict[str, Any]:
    described: dict[str, Any] = {
        "location": built.location,
        "strategy": str(built.strategy),
        "queue": built.queue,
        "settings": built.settings,
    }
    match built.result:
        case PexFiles() as files:
            described["pex"] = {
                "tag": files.tag,
                "python_version": files.python_version,
                "dependencies": files.dependencies.name,
                "source": files.source.name,
                "sha256": {path.name: file_digest(path) for path in files.paths},
            }
        case Image() as image:
            described["image"] = asdict(image)
        case NoArtifact():
            pass
    return described


def _built(described: Mapping[str, Any], folder: Path) -> BuildResult:
    return BuildResult(
        location=described["location"],
        strategy=Strategy(described["strategy"]),
        queue=described["queue"],
        settings=described["settings"],
        result=_result(described, folder),
    )


def _result(described: Mapping[str, Any], folder: Path) -> Result:
    if "image" in described:
        return Image(**described["image"])
    if "pex" not in described:
        return NoArtifact()
    pex = described["pex"]
    files = PexFiles(
        source=folder / Path(pex["source"]).name,
        dependencies=folder / Path(pex["dependencies"]).name,
        python_version=pex["python_version"],
    )
    _check_files(files.paths, pex["sha256"])
    return files


def _check_files(paths: Sequence[Path], digests: Mapping[str, str]) -> None:
    for path in paths:
        if not path.is_file():
            msg = f"{NAME} names {path.name}, which is not in {str(path.parent)!r}. Build again."
            raise InvalidInputError(msg)
        if file_digest(path) != digests[path.name]:
            msg = f"{path.name} is not the file that was built: it has changed. Build again."
            raise InvalidInputError(msg)


def _no_manifest(path: Path, why: str) -> InvalidInputError:
    return InvalidInputError(f"{str(path)!r} cannot be used: {why}. Build again.")
