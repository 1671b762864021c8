from __future__ import annotations

import hashlib
import threading
from pathlib import Path

import pytest
import requests

from dagstead.errors import PexError
from dagstead.model.pex_names import PexName
from dagstead.serverless.downloads import ControlPlanePexFiles
from tests.support.pex import PexBench
from tests.support.pex_shop import PexShop

HEADERS = {"Dagster-Cloud-Scope": "organization", "Dagster-Cloud-Api-Token": "agent:o:t"}


@pytest.fixture
def files(shop: PexShop) -> ControlPlanePexFiles:
    return ControlPlanePexFiles(
        url=shop.url,
        session=requests.Session(),
        headers=HEADERS,
        proxies={},
        timeout_seconds=5,
        stop=threading.Event(),
        attempts=2,
        first_pause_seconds=0.01,
    )


@pytest.fixture(scope="module")
def name(bench: PexBench) -> str:
    return bench.build("source", {"package/__init__.py": "X = 1\n" * 500})


def test_a_file_arrives_as_it_is_and_nothing_else_is_left(
    files: ControlPlanePexFiles, shop: PexShop, name: str, tmp_path: Path
) -> None:
    target = tmp_path / "here.pex"
    files.fetch(name, target)
    assert target.read_bytes() == (shop.shelf / name).read_bytes()
    assert list(tmp_path.iterdir()) == [target]


def test_the_control_plane_is_asked_for_the_organization(
    files: ControlPlanePexFiles, shop: PexShop, name: str, tmp_path: Path
) -> None:
    files.fetch(name, tmp_path / "here.pex")
    (headers, key) = shop.asked[0]
    assert key == f"pex/{name}"
    assert HEADERS.items() <= headers.items()


def test_a_file_that_was_never_uploaded_says_to_build_again(
    files: ControlPlanePexFiles, tmp_path: Path
) -> None:
    with pytest.raises(PexError, match=r"source-none\.pex is not in .* ci build"):
        files.fetch("source-none.pex", tmp_path / "here.pex")
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_away_for_a_moment_is_asked_again(
    files: ControlPlanePexFiles, shop: PexShop, name: str, tmp_path: Path
) -> None:
    shop.failures = 1
    files.fetch(name, tmp_path / "here.pex")
    assert len(shop.asked) == 2


def test_a_file_that_arrives_in_part_is_not_kept(
    files: ControlPlanePexFiles, shop: PexShop, name: str, tmp_path: Path
) -> None:
    shop.cut_bytes = 100
    with pytest.raises(PexError, match="could not be fetched"):
        files.fetch(name, tmp_path / "here.pex")
    assert list(tmp_path.iterdir()) == []


def test_an_announced_checksum_is_held_to(
    files: ControlPlanePexFiles, shop: PexShop, name: str, tmp_path: Path
) -> None:
    shop.sha256 = hashlib.sha256((shop.shelf / name).read_bytes()).hexdigest()
    files.fetch(name, tmp_path / "here.pex")
    shop.sha256 = "0" * 64
    with pytest.raises(PexError, match="was announced"):
        files.fetch(name, tmp_path / "again.pex")


def test_a_release_names_the_content_whatever_the_server_says(
    files: ControlPlanePexFiles, shop: PexShop, name: str, tmp_path: Path
) -> None:
    content = (shop.shelf / name).read_bytes()
    pinned = str(PexName.of(name).pinned_to(hashlib.sha256(content).hexdigest()))
    (shop.shelf / pinned).write_bytes(content)
    files.fetch(pinned, tmp_path / "here.pex")

    (shop.shelf / pinned).write_bytes(content + b"more")
    shop.sha256 = hashlib.sha256(content + b"more").hexdigest()
    with pytest.raises(PexError, match="was announced"):
        files.fetch(pinned, tmp_path / "again.pex")
    assert [path.name for path in tmp_path.iterdir()] == ["here.pex"]


def test_no_server_at_all_is_said_so(name: str, tmp_path: Path) -> None:
    nowhere = ControlPlanePexFiles(
        url="http://127.0.0.1:9",
        session=requests.Session(),
        headers=HEADERS,
        proxies={},
        timeout_seconds=1,
        stop=threading.Event(),
        attempts=1,
    )
    with pytest.raises(PexError, match=r"could not be fetched from http://127\.0\.0\.1:9"):
        nowhere.fetch(name, tmp_path / "here.pex")
