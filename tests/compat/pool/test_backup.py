"""A backup of a control plane at work, restored beside it: what it had serves there, and runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dagstead.server.kept_data import KEPT_NAMES, MADE_AGAIN
from dagstead.testing.waiting import eventually
from tests.support.pool_plane import Plane, plane_command, running_plane

pytestmark = pytest.mark.compat

LOCATION = "kept"

#: ``use`` reads the value that ``make`` has stored, in an earlier run.
PROJECT = """
import os, time
from pathlib import Path
import dagster, library

@dagster.asset
def number():
    return 42

@dagster.asset
def text(number):
    return dagster.Output("", metadata={"number": str(number)})

@dagster.op
def wait(context):
    gate = Path(os.environ["TMPDIR"]) / f"gate-{context.run_id}"
    while not gate.exists():
        context.log.info("waiting")
        time.sleep(0.05)

@dagster.job(executor_def=dagster.in_process_executor)
def slow():
    wait()

definitions = dagster.Definitions(
    assets=[number, text],
    jobs=[slow, *(dagster.define_asset_job(name, [asset], executor_def=dagster.in_process_executor)
          for name, asset in (("make", number), ("use", text)))],
)
"""


@contextmanager
def under_way(plane: Plane) -> Iterator[list[str]]:
    """Runs that write events without a pause."""
    runs = [plane.launch(LOCATION, "slow") for _ in range(2)]
    eventually(lambda: all("waiting" in plane.messages(run) for run in runs), 120, "their events")
    yield runs
    for run in runs:
        plane.open_gate(run)


def test_a_backup_under_load_serves_and_runs_elsewhere(plane: Plane, tmp_path: Path) -> None:
    deps = plane.bench.dependencies({"library/__init__.py": "VERSION = 1\n"})
    plane.deploy_pex(LOCATION, deps, plane.bench.source({"project.py": PROJECT}))
    assert plane.loaded(LOCATION)["__typename"] == "RepositoryLocation"
    made = plane.launch(LOCATION, "make")
    plane.until(made, "SUCCESS")

    with under_way(plane) as runs:
        backup = plane_command("backup", str(tmp_path / "backup"), "--data", str(plane.data))
        plane_command("restore", backup, "--data", str(tmp_path / "data"))
        assert_restored_beside(plane, tmp_path, made, runs)
    for run in runs:
        plane.until(run, "SUCCESS")
    # A folder of a new name has to be in one of the two.
    assert {path.name for path in plane.data.iterdir()} <= KEPT_NAMES | MADE_AGAIN | with_sqlite()


def assert_restored_beside(plane: Plane, folder: Path, made: str, runs: list[str]) -> None:
    """What was live serves, reads what was stored, and knows which runs are nobody's."""
    with running_plane(folder, token=plane.token) as copy:
        assert copy.loaded(LOCATION)["__typename"] == "RepositoryLocation"
        assert copy.run(made) == plane.run(made)
        assert copy.facts(copy.launch(LOCATION, "use")) == {"number": "42"}
        for run in runs:
            copy.until(run, "FAILURE")
            assert "Its worker belongs to the original." in copy.messages(run)
    # The end of the copy has ended nothing of the original.
    assert {plane.run(run)["status"] for run in runs} == {"STARTED"}


def with_sqlite() -> set[str]:
    """What SQLite writes beside the database."""
    return {"dagstead.db-wal", "dagstead.db-shm"}
