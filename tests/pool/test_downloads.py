from __future__ import annotations

import hashlib
import threading
from pathlib import Path

import pytest
import requests

from dagstead.errors import PexError
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


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_pex_is_refused_by_name(
    files: ControlPlanePexFiles, shop: PexShop, content: bytes, tmp_path: Path
) -> None:
    (shop.shelf / "source-broken.pex").write_bytes(content)
    with pytest.raises(PexError, match=r"source-broken\.pex is not a whole PEX"):
        files.fetch("source-broken.pex", tmp_path / "here.pex")
    assert list(tmp_path.iterdir()) == []


def test_a_bit_that_was_flipped_is_noticed(
    files: ControlPlanePexFiles, shop: PexShop, name: str, tmp_path: Path
) -> None:
    content = bytearray((shop.shelf / name).read_bytes())
    start = content.index(b"package/__init__.py") + 40
    content[start] ^= 0xFF
    (shop.shelf / "source-flipped.pex").write_bytes(content)
    with pytest.raises(PexError, match="source-flipped"):
        files.fetch("source-flipped.pex", tmp_path / "here.pex")


def test_another_pex_under_this_name_is_refused(
    files: ControlPlanePexFiles, shop: PexShop, name: str, tmp_path: Path
) -> None:
    other = f"source-{'0' * 40}.pex"
    (shop.shelf / other).write_bytes((shop.shelf / name).read_bytes())
    with pytest.raises(PexError, match="another PEX than its name says"):
        files.fetch(other, tmp_path / "here.pex")


def test_an_announced_checksum_is_held_to(
    files: ControlPlanePexFiles, shop: PexShop, name: str, tmp_path: Path
) -> None:
    shop.sha256 = hashlib.sha256((shop.shelf / name).read_bytes()).hexdigest()
    files.fetch(name, tmp_path / "here.pex")
    shop.sha256 = "0" * 64
    with pytest.raises(PexError, match="was announced"):
        files.fetch(name, tmp_path / "again.pex")


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
