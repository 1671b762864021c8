"""What `dagstead storage` shows and removes, in both ways."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dagstead.model.retention import DAY_SECONDS
from dagstead.plane.blobs import BlobKey, BlobKind
from dagstead.plane.organization import ORGANIZATION
from dagstead.store.folders import renew
from tests.support.releases import deploy, new_location
from tests.unit.cli.conftest import Command
from tests.unit.cli.planes import Served, served

pytestmark = pytest.mark.usefixtures("nothing_chosen")

OLD = BlobKey(BlobKind.PEX, ORGANIZATION, "old.pex")
NEW = BlobKey(BlobKind.PEX, ORGANIZATION, "new.pex")


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Served]:
    """A release, a file of today, and one that is 31 days old."""
    with served(tmp_path / "data", time.time) as plane:
        deploy(plane.store, "prod", [new_location("weather")])
        plane.store.blobs.put(NEW, b"x" * 1500)
        plane.store.blobs.put(OLD, b"x" * 2_500_000)
        renew(plane.store.blobs.folder / str(OLD), time.time() - 31 * DAY_SECONDS)
        yield plane


@pytest.fixture(params=["http", "folder"])
def way(request: pytest.FixtureRequest, kept: Served, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    if request.param == "folder":
        return ["--data", str(kept.settings.data)]
    monkeypatch.setenv("DAGSTER_CLOUD_API_TOKEN", kept.token())
    return ["--url", kept.url]


def test_it_shows_what_is_kept_and_why_and_changes_nothing(
    dagstead: Command, kept: Served, way: list[str]
) -> None:
    said = dagstead("storage", *way)

    head, *lines = (line.split("\t") for line in said.out.splitlines())
    rows = {line[0]: dict(zip(head, line, strict=True)) for line in lines}
    assert rows["releases"]["kept"] == "1 needed now"
    assert rows["releases"]["size"] == "-"
    assert rows["PEX files"] | {"oldest": ""} == {
        "kind": "PEX files",
        "count": "2",
        "size": "2.5 MB",
        "oldest": "",
        "kept": "1 recent",
        "next_sweep": "1",
        "next_sweep_size": "2.5 MB",
    }
    assert "The next sweep removes 1, with 2.5 MB." in said.err
    assert "pex/_/old.pex" in dagstead("storage", "--names", *way).out
    assert kept.store.blobs.size(OLD) is not None


def test_programs_get_numbers(dagstead: Command, way: list[str]) -> None:
    answer = json.loads(dagstead("storage", "--format", "json", *way).out)

    [files] = [each for each in answer["kinds"] if each["kind"] == "PEX files"]
    assert (files["size"], files["kept"]) == (2_501_500, {"recent": 1})
    assert files["next_sweep_size"] == 2_500_000
    [item] = answer["next_sweep"]
    assert (item["kind"], item["deployment"], item["size"]) == ("PEX files", "_", 2_500_000)


def test_a_sweep_can_be_asked_for(dagstead: Command, kept: Served, way: list[str]) -> None:
    said = dagstead("storage", "--sweep", "--names", *way)

    assert "pex/_/old.pex" in said.out
    assert said.err == "Removed 1, with 2.5 MB.\n"
    assert kept.store.blobs.size(OLD) is None
    assert kept.store.blobs.size(NEW) == 1500
    assert "There was nothing to remove." in dagstead("storage", "--sweep", *way).err
