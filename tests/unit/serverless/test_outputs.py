from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path

from dagstead.serverless.home import PoolHome
from dagstead.serverless.outputs import sweep_deployments, sweep_outputs

RUNS = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(5)]


def stored(home: PoolHome, deployment: str, name: str, at: float) -> Path:
    """Something that a step stored at that time."""
    folder = home.deployments / deployment / "storage" / name
    value = folder / "step" / "result"
    value.parent.mkdir(parents=True)
    value.touch()
    for path in (value, value.parent, folder):
        os.utime(path, (at, at))
    return folder


def sweep(home: PoolHome, ended: dict[str, bool | None], *, keep_runs: int = 1) -> list[Path]:
    asked = []

    def has_ended(deployment: str, run_id: str) -> bool | None:
        asked.append(run_id)
        return ended[f"{deployment} {RUNS.index(run_id)}"]

    removed = sweep_outputs(home, before=100.0, keep_runs=keep_runs, has_ended=has_ended)
    assert len(asked) == len(ended), asked
    return removed


def test_outputs_of_old_runs_that_have_ended_go(home: PoolHome) -> None:
    folders = [stored(home, "a%20b", run, at=number) for number, run in enumerate(RUNS)]
    stored(home, "a%20b", "an_asset", at=0)

    removed = sweep(home, {"a b 0": True, "a b 1": False, "a b 2": True, "a b 3": True})

    assert removed == [folders[0], folders[2], folders[3]]
    left = {path.name for path in (home.deployments / "a%20b" / "storage").iterdir()}
    assert left == {RUNS[1], RUNS[4], "an_asset"}


def test_what_was_written_lately_stays_and_nobody_is_asked(home: PoolHome) -> None:
    folder = stored(home, "prod", RUNS[0], at=0)
    os.utime(folder / "step" / "result", (100, 100))

    assert sweep(home, {}, keep_runs=0) == []


def test_the_outputs_of_a_deployment_stay_while_nobody_says_what_has_ended(home: PoolHome) -> None:
    for deployment in ("gone", "prod"):
        for number, run in enumerate(RUNS[:3]):
            stored(home, deployment, run, at=number)

    removed = sweep(home, {"gone 0": None, "prod 0": True, "prod 1": True})

    assert [path.parent.parent.name for path in removed] == ["prod", "prod"]


def test_what_deleted_deployments_have_left_goes(home: PoolHome) -> None:
    for name in ("prod", "a%20b", "gone", "busy"):
        stored(home, name, "an_asset", at=0)
    os.utime(home.deployments / "busy" / "storage" / "an_asset", (100, 100))
    for name in ("prod", "a%20b", "gone"):
        for folder in (home.deployments / name / "storage", home.deployments / name):
            os.utime(folder, (0, 0))
    asked = []

    def existing(names: Sequence[str]) -> Collection[str]:
        asked.append(names)
        return {"prod", "a b"}

    assert sweep_deployments(home, before=100.0, existing=existing) == ["gone"]
    assert asked == [["a b", "busy", "gone", "prod"]]
    assert {folder.name for folder in home.deployments.iterdir()} == {"prod", "a%20b", "busy"}


def test_nothing_goes_while_nobody_says_which_deployments_exist(home: PoolHome) -> None:
    folder = stored(home, "prod", "an_asset", at=0)

    assert sweep_deployments(home, before=1e12, existing=lambda _: None) == []
    assert folder.exists()


def test_folders_whose_removal_was_killed_go_when_the_agent_starts(home: PoolHome) -> None:
    left = [
        home.deployments / ".gone.0123.removed",
        stored(home, "prod", f".{RUNS[0]}.0123.removed", at=0),
    ]
    left[0].mkdir()
    kept = stored(home, "prod", "an_asset", at=0)

    home.clear_leftovers()

    assert [path for path in (*left, kept) if path.exists()] == [kept]
