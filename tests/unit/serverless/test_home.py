from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dagstead.serverless.home import PoolHome, read_json, remove, remove_older, write_json

NOW = 1_800_000_000.0


def aged(path: Path, seconds: float) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    os.utime(path, (NOW - seconds, NOW - seconds))
    return path


def test_nobody_else_may_look_into_the_pools_folders(home: PoolHome) -> None:
    folders = [home.root, *(path for path in home.root.iterdir() if path.is_dir())]
    assert {path.stat().st_mode & 0o777 for path in folders} == {0o700}


def test_what_is_written_is_read_and_what_is_not_whole_is_nothing(tmp_path: Path) -> None:
    target = tmp_path / "value.json"
    assert read_json(target) is None
    write_json(target, {"a": 1})
    assert read_json(target) == {"a": 1}
    assert list(tmp_path.iterdir()) == [target]
    target.write_text('{"a": ')
    assert read_json(target) is None
    target.write_text("[]")
    assert read_json(target) is None


def test_removing_takes_files_and_folders_and_what_is_gone(tmp_path: Path) -> None:
    (tmp_path / "folder" / "deep").mkdir(parents=True)
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "folder", target_is_directory=True)
    for name in ("link", "file", "folder", "never-was"):
        remove(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_old_when_everything_in_it_is(tmp_path: Path) -> None:
    old, grown = tmp_path / "old", tmp_path / "grown"
    aged(old / "logs", 500)
    aged(grown / "logs", 50)
    for path in (old, grown):
        aged(path, 1000)
    remove_older(tmp_path, before=NOW - 100)
    assert list(tmp_path.iterdir()) == [grown]


def test_what_a_killed_agent_left_is_cleared_and_nothing_else(home: PoolHome) -> None:
    (home.scratch / "download.part").touch()
    (home.layers / ".abc.123.removed" / "lib").mkdir(parents=True)
    (home.layers / "abc").mkdir()
    home.clear_leftovers()
    assert list(home.scratch.iterdir()) == []
    assert [path.name for path in home.layers.iterdir()] == ["abc"]


def test_a_lock_is_held_by_one_at_a_time(home: PoolHome) -> None:
    inside: list[int] = []
    worst: list[int] = []

    def work() -> None:
        with home.lock("door"):
            inside.append(1)
            time.sleep(0.01)  # noqa: TID251 - the work that the lock is for
            worst.append(len(inside))
            inside.pop()

    with ThreadPoolExecutor(8) as threads:
        for _ in range(8):
            threads.submit(work)
    assert worst == [1] * 8
