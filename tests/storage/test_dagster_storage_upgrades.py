"""What an older Dagster has stored is migrated when it is opened, and stays readable."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from dagster import DagsterInstance, DagsterRunStatus, job, op
from dagster._core.storage.sql import (
    ALEMBIC_SCRIPTS_LOCATION,
    run_alembic_downgrade,
)
from sqlalchemy import Connection, text

from dagstead.errors import DatabaseUnusableError
from tests.support.backups import Scene, open_plane

pytestmark = pytest.mark.storage

#: Dagster 1.9 had the oldest of these. Dagster's migrations back from there work.
_REVISIONS = 8


def scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(config())


def config() -> Config:
    found = Config()
    found.set_main_option("script_location", ALEMBIC_SCRIPTS_LOCATION)
    return found


REVISIONS = [script.revision for script in scripts().walk_revisions()][:_REVISIONS]


@op
def work() -> int:
    return 1


@job
def working() -> None:
    work()


@contextmanager
def every_storage(instance: DagsterInstance) -> Iterator[list[Connection]]:
    with (
        instance.run_storage.connect() as runs,  # type: ignore[attr-defined]
        instance.event_log_storage.index_connection() as events,  # type: ignore[attr-defined]
        instance.schedule_storage.connect() as schedules,  # type: ignore[union-attr]
    ):
        yield [runs, events, schedules]


def downgrade(instance: DagsterInstance, revision: str) -> None:
    """By Dagster's own migrations. On Postgres all storages share the first one's tables."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with every_storage(instance) as connections:
            for connection in connections:
                run_alembic_downgrade(config(), connection, rev=revision)


def stored_revisions(instance: DagsterInstance) -> set[str]:
    with every_storage(instance) as connections:
        query = text("SELECT version_num FROM alembic_version")
        return {connection.execute(query).scalar_one() for connection in connections}


@pytest.mark.parametrize("revision", REVISIONS)
def test_every_older_version_is_migrated_with_its_runs(scene: Scene, revision: str) -> None:
    with open_plane(scene.loaded) as plane:
        instance = plane.instance("prod")
        run_id = working.execute_in_process(instance=instance).run_id
        events = instance.all_logs(run_id)
        downgrade(instance, revision)
        assert stored_revisions(instance) == {revision}

    with open_plane(scene.loaded) as plane:
        instance = plane.instance("prod")
        assert stored_revisions(instance) == {REVISIONS[0]}
        run = instance.get_run_by_id(run_id)
        assert run is not None
        assert run.status is DagsterRunStatus.SUCCESS
        assert instance.all_logs(run_id) == events
        assert working.execute_in_process(instance=instance).success


def test_storage_of_a_newer_dagster_is_refused_in_a_sentence(scene: Scene) -> None:
    with open_plane(scene.loaded) as plane:
        instance = plane.instance("prod")
        with every_storage(instance) as connections:
            for connection in connections:
                connection.execute(text("UPDATE alembic_version SET version_num = 'tomorrow'"))

    with (
        open_plane(scene.loaded) as plane,
        pytest.raises(DatabaseUnusableError, match="'prod' was migrated by a newer Dagstead"),
    ):
        plane.instance("prod")
