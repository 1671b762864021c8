"""``dagstead backup`` and ``dagstead restore`` as a person meets them."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.stores import migrated
from tests.unit.cli.conftest import Command


@pytest.fixture
def data(dagstead: Command, tmp_path: Path) -> Path:
    """The folder of a control plane with a deployment."""
    folder = tmp_path / "data"
    folder.mkdir(exist_ok=True)
    migrated(folder / "dagstead.db")
    assert dagstead("deployment", "create", "prod").code == 0
    return folder


def test_a_backup_is_restored_under_another_name(
    dagstead: Command, data: Path, tmp_path: Path
) -> None:
    backup, copy = str(tmp_path / "backup"), str(tmp_path / "copy")

    taken = dagstead("backup", backup)
    restored = dagstead("restore", backup, "--data", copy)

    assert (taken.code, taken.out) == (0, f"{backup}\n")
    assert "Deployments: prod." in taken.err
    assert "DAGSTEAD_SECRET_" in taken.err
    assert (restored.code, restored.out) == (0, f"{copy}\n")
    assert "It is paused. Start it with `dagstead up`" in restored.err
    of_copy = dagstead("deployment", "list", "--data", copy).out
    assert of_copy == dagstead("deployment", "list", "--data", str(data)).out
    assert "prod" in of_copy


@pytest.mark.usefixtures("data")
def test_without_a_name_the_folder_is_named_by_the_time(
    dagstead: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    taken = dagstead("backup")

    assert re.fullmatch(r"dagstead-backup-\d{8}-\d{6}\n", taken.out)
    assert (tmp_path / taken.out.strip() / "manifest.json").is_file()


def test_addresses_of_the_original_are_pointed_out(
    dagstead: Command, data: Path, tmp_path: Path
) -> None:
    (data / "dagstead.toml").write_text('public_url = "https://dagstead.example.com"\n')
    dagstead("backup", str(tmp_path / "backup"))

    restored = dagstead("restore", str(tmp_path / "backup"), "--data", str(tmp_path / "copy"))

    assert "public_url = 'https://dagstead.example.com'" in restored.err


def test_what_cannot_be_done_is_said_in_a_sentence(dagstead: Command, tmp_path: Path) -> None:
    nothing = dagstead("backup", str(tmp_path / "backup"))
    unknown = dagstead("restore", str(tmp_path / "unknown"), "--data", str(tmp_path / "copy"))

    assert nothing.code == unknown.code == 2
    assert re.match("error: There is no control plane in .*data'. Name its folder", nothing.err)
    assert re.match("error: '.*unknown' is no whole backup", unknown.err)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", [("up",), ("pool",), ("deployment", "list")])
def test_an_older_version_leaves_a_newer_database_alone(
    dagstead: Command, data: Path, words: tuple[str, ...]
) -> None:
    with closing(sqlite3.connect(data / "dagstead.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    before = (data / "dagstead.db").read_bytes()

    refused = dagstead(*words)

    assert refused.code == 1
    assert "was made by a newer Dagstead. Install that version again." in refused.err
    assert (data / "dagstead.db").read_bytes() == before
