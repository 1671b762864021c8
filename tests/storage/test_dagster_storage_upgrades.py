"""What an older Dagster has stored is migrated when it is opened, and stays readable."""

from __future__ import annotations

import pytest
from dagster import DagsterRunStatus, job, op
from sqlalchemy import text

from dagstead.errors import DatabaseUnusableError
from tests.support.backups import Scene, open_plane
from tests.support.old_dagster_storage import (
    REVISIONS,
    downgrade,
    every_storage,
    stored_revisions,
)

pytestmark = pytest.mark.storage


@op
def work() -> int:
    return 1


@job
def working() -> None:
    work()


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
