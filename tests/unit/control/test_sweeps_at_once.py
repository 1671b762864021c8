"""Somebody asks for a sweep while that of the daemon is under way."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dagstead.store.folders import put_back, remove_older


def test_what_one_sweep_removes_and_another_puts_back_fails_neither(tmp_path: Path) -> None:
    run = tmp_path / "run"

    def remove_it_again_and_again() -> None:
        for _ in range(60):
            for step in range(20):
                (run / str(step)).mkdir(parents=True, exist_ok=True)
            remove_older(run, before=9e9)

    with ThreadPoolExecutor(1) as thread:
        removing = thread.submit(remove_it_again_and_again)
        while not removing.done():
            put_back(tmp_path)
        removing.result()

    shutil.rmtree(run, ignore_errors=True)
    put_back(tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.name != "run"] == []
