"""Nobody else may read what our processes write."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from dagstead.server.private_files import (
    UMASK_VARIABLE,
    close_to_others,
    exposed,
    keep_files_private,
)
from dagstead.server.services import make_data_folder
from dagstead.server.shutdown import LIFELINE_VARIABLE

USER = os.geteuid()


@pytest.fixture(autouse=True)
def _umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_files_and_folders_are_for_their_owner_only(tmp_path: Path) -> None:
    environment: dict[str, str] = {}
    keep_files_private(environment)

    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()

    assert (mode(tmp_path / "folder"), mode(tmp_path / "file")) == (0o700, 0o600)
    assert environment == {UMASK_VARIABLE: "022"}


def test_a_child_of_ours_hands_on_the_umask_of_before_its_parent() -> None:
    environment = {UMASK_VARIABLE: "027", LIFELINE_VARIABLE: "1"}
    keep_files_private(environment)

    assert environment[UMASK_VARIABLE] == "027"


@pytest.mark.parametrize(
    ("before", "after"),
    [(0o755, 0o700), (0o777, 0o700), (0o750, 0o700), (0o2775, 0o2700), (0o701, 0o700)],
)
def test_an_own_folder_is_closed(tmp_path: Path, before: int, after: int) -> None:
    tmp_path.chmod(before)

    assert exposed(tmp_path, user=USER) is None
    make_data_folder(tmp_path)

    assert mode(tmp_path) == after


def test_a_new_folder_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    assert exposed(folder, user=USER) is None

    make_data_folder(folder)

    assert mode(folder) == 0o700


def test_a_volume_of_somebody_else_stays_usable_and_is_warned_of(tmp_path: Path) -> None:
    tmp_path.chmod(0o2775)

    close_to_others(tmp_path, user=USER + 1)

    assert mode(tmp_path) == 0o2775
    warning = exposed(tmp_path, user=USER + 1)
    assert warning is not None
    assert f"its mode is 2775, its owner is user {USER}" in warning
    assert f"`chown {USER + 1} {tmp_path} && chmod 700 {tmp_path}`" in warning


def test_what_an_earlier_version_wrote_into_such_a_folder_is_closed(tmp_path: Path) -> None:
    for name in ("dagstead.db", "dagstead.db-wal", "up.lock", "notes.txt"):
        (tmp_path / name).touch(0o644)
    for name in ("blobs", "deployments", "pool", "others"):
        (tmp_path / name).mkdir(0o755)
    (tmp_path / "daemon.lock").symlink_to("notes.txt")
    tmp_path.chmod(0o1777)

    close_to_others(tmp_path, user=USER)

    assert mode(tmp_path) == 0o1777
    open_ones = {each.name for each in tmp_path.iterdir() if mode(each) & 0o077}
    assert open_ones == {"notes.txt", "others", "daemon.lock"}


def test_a_closed_folder_of_somebody_else_is_not_warned_of(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)

    assert exposed(tmp_path, user=USER + 1) is None


def test_a_folder_for_everybody_stays_that(tmp_path: Path) -> None:
    tmp_path.chmod(0o1777)

    close_to_others(tmp_path, user=USER)

    assert mode(tmp_path) == 0o1777
    assert "Choose a folder of its own with --data." in str(exposed(tmp_path, user=USER))
