"""``build.json``: what was built, for a deploy that comes later or elsewhere."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dagstead.build.manifest import Manifest, read_manifest, write_manifest
from dagstead.build.model import Commit, Strategy
from dagstead.build.results import BuildResult, Image, NoArtifact, PexFiles
from dagstead.errors import InvalidInputError


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    """One location of each kind; the files of the first are there."""
    folder = tmp_path / "built"
    folder.mkdir()
    files = PexFiles(
        source=folder / "source-2.pex", dependencies=folder / "deps-1.pex", python_version="3.12"
    )
    for path in files.paths:
        path.write_text(path.name, encoding="utf-8")
    digest = "sha256:" + "0" * 64
    image = Image(reference=f"example.com/b@{digest}", tag="example.com/b:v1", digest=digest)
    results: dict[str, tuple[Strategy, str | None, PexFiles | Image | NoArtifact]] = {
        "a": (Strategy.PEX, None, files),
        "b": (Strategy.DOCKER, "gpu", image),
        "c": (Strategy.PREBUILT, "gpu", NoArtifact()),
    }
    built = tuple(
        BuildResult(
            location=name,
            strategy=strategy,
            queue=queue,
            result=result,
            settings={"location_name": name, "container_context": {"k8s": {"namespace": "x"}}},
        )
        for name, (strategy, queue, result) in results.items()
    )
    return Manifest(built=built, commit=Commit(hash="abc", url="https://example.com/abc"))


def written(manifest: Manifest, folder: Path) -> Path:
    write_manifest(folder / "built", manifest)
    return folder / "built"


def test_what_was_built_is_read_as_it_was_written(manifest: Manifest, tmp_path: Path) -> None:
    assert read_manifest(written(manifest, tmp_path)) == manifest


def test_a_folder_can_be_carried_elsewhere(manifest: Manifest, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    shutil.move(written(manifest, tmp_path), moved)

    files = read_manifest(moved).built[0].result

    assert isinstance(files, PexFiles)
    assert [path.parent for path in files.paths] == [moved, moved]


def test_a_manifest_is_for_other_programs_too(manifest: Manifest, tmp_path: Path) -> None:
    written_json = json.loads(
        (written(manifest, tmp_path) / "build.json").read_text(encoding="utf-8")
    )

    assert written_json == manifest.as_json()
    assert written_json["locations"][0]["pex"]["tag"] == "files=deps-1.pex:source-2.pex"
    assert written_json["locations"][1]["image"]["digest"] == "sha256:" + "0" * 64


def change(**changed: object) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        path = folder / "build.json"
        written_json = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps({**written_json, **changed}), encoding="utf-8")

    return write


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda folder: (folder / "build.json").unlink(), "There is no build.json"),
        (lambda folder: (folder / "build.json").write_text("{"), "cannot be used"),
        (lambda folder: (folder / "build.json").write_text("[]"), "another version"),
        (change(version=99), "it is of another version"),
        (change(locations=[{"location": "a"}]), "KeyError"),
        (change(locations=3), "cannot be used"),
        (lambda folder: (folder / "deps-1.pex").unlink(), "names deps-1.pex, which is not in"),
        (lambda folder: (folder / "deps-1.pex").write_text("x"), "is not the file that was built"),
    ],
)
def test_a_damaged_folder_is_refused(
    manifest: Manifest, tmp_path: Path, damage: Callable[[Path], None], sentence: str
) -> None:
    folder = written(manifest, tmp_path)
    damage(folder)

    with pytest.raises(InvalidInputError, match=sentence):
        read_manifest(folder)
