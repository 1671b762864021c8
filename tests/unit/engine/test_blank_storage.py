"""The files of a new deployment are copies, and are what Dagster itself would have made."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from dagster import DagsterInstance
from dagster._core.instance.ref import InstanceRef

from dagstead.engine.blank_storage import make_blank_storage, sqlite_settings
from dagstead.engine.instances import Instances
from dagstead.engine.sqlite_storages import HeldRunStorage


def opened(home: Path) -> DagsterInstance:
    home.mkdir(exist_ok=True)
    ref = InstanceRef.from_dir(str(home), overrides=sqlite_settings(home))
    return DagsterInstance.from_ref(ref)


def own_id(home: Path) -> str:
    storage = opened(home).run_storage
    assert isinstance(storage, HeldRunStorage)
    found: str = storage.get_run_storage_id()
    return found


def content(home: Path) -> dict[str, list[str]]:
    """All statements that would make these files again, without times and generated ids."""
    return {
        str(path.relative_to(home)): sorted(_statements(path))
        for path in sorted(home.glob("*/*.db"))
    }


def _statements(path: Path) -> Iterator[str]:
    with closing(sqlite3.connect(path)) as connection:
        for name, sql in connection.execute("SELECT name, sql FROM sqlite_master"):
            yield f"{name}: {sql}"
        yield from (f"at {row[0]}" for row in connection.execute("SELECT * FROM alembic_version"))
        if path.name != "schedules.db":
            names = connection.execute("SELECT name FROM secondary_indexes")
            yield from (f"migrated: {row[0]}" for row in names)


@pytest.fixture
def blank(tmp_path: Path) -> Path:
    home = tmp_path / "blank"
    home.mkdir()
    make_blank_storage(home)
    return home


def test_they_are_what_dagster_makes(blank: Path, tmp_path: Path) -> None:
    by_dagster = opened(tmp_path / "by-dagster")
    by_dagster.upgrade()
    opened(blank)
    found = content(blank)
    assert list(found) == ["events/event_log.db", "runs/runs.db", "schedules/schedules.db"]
    assert found == content(tmp_path / "by-dagster")


def test_no_two_deployments_have_the_same_id(blank: Path, tmp_path: Path) -> None:
    another = tmp_path / "another"
    another.mkdir()
    make_blank_storage(another)
    assert own_id(blank) != own_id(another)


def test_files_that_are_there_stay_as_they_are(blank: Path) -> None:
    before = own_id(blank)
    make_blank_storage(blank)
    assert own_id(blank) == before


def test_a_file_that_is_missing_is_made_by_dagster(blank: Path) -> None:
    """Whoever made them was killed meanwhile."""
    (blank / "schedules" / "schedules.db").unlink()
    make_blank_storage(blank)
    schedules = opened(blank).schedule_storage
    assert schedules is not None
    assert list(schedules.all_instigator_state()) == []


def test_a_new_deployment_needs_no_migration(
    instances: Instances, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        instances.get(instances.store.deployments.create("another"))
    assert "Migrating" not in caplog.text
