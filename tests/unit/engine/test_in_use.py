"""What Dagster needs of a deployment's files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterRun, DagsterRunStatus
from dagster._core.storage.defs_state.base import DEFS_STATE_INFO_CURSOR_KEY
from dagster._core.storage.tags import PARENT_RUN_ID_TAG, ROOT_RUN_ID_TAG
from dagster._serdes import serialize_value
from dagster_shared.serdes.objects.models.defs_state_info import DefsStateInfo

from dagstead.engine.instances import Instances
from dagstead.testing.clock import ManualClock
from tests.support.stores import empty_store

UNFINISHED = (DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING)
ENDED = (DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED)


@pytest.fixture
def instances(tmp_path: Path) -> Iterator[Instances]:
    store = empty_store(tmp_path, ManualClock())
    store.deployments.create("prod")
    instances = Instances(store=store, folder=tmp_path / "deployments", postgres_url=None)
    yield instances
    instances.close()
    store.close()


def test_the_files_of_runs_that_have_not_ended_are_needed(instances: Instances) -> None:
    prod = instances.store.deployments.get("prod")
    storage = instances.get(prod).run_storage
    runs = {
        status: storage.add_run(DagsterRun(job_name="job", status=status)).run_id
        for status in (*UNFINISHED, *ENDED)
    }

    needed = instances.orchestration.runs_needed(prod)

    assert needed == {runs[status] for status in UNFINISHED}


def test_the_files_of_runs_that_are_being_repeated_are_needed(instances: Instances) -> None:
    prod = instances.store.deployments.get("prod")
    storage = instances.get(prod).run_storage

    def add(status: DagsterRunStatus, *before: DagsterRun) -> DagsterRun:
        tags = (
            {ROOT_RUN_ID_TAG: before[0].run_id, PARENT_RUN_ID_TAG: before[-1].run_id}
            if before
            else {}
        )
        run = DagsterRun(
            job_name="job",
            status=status,
            root_run_id=tags.get(ROOT_RUN_ID_TAG),
            parent_run_id=tags.get(PARENT_RUN_ID_TAG),
            tags=tags,
        )
        return storage.add_run(run)

    first = add(DagsterRunStatus.FAILURE)
    second = add(DagsterRunStatus.FAILURE, first)
    third = add(DagsterRunStatus.STARTED, first, second)
    add(DagsterRunStatus.FAILURE, add(DagsterRunStatus.FAILURE))

    needed = instances.orchestration.runs_needed(prod)

    assert needed == {run.run_id for run in (first, second, third)}


def test_the_latest_versions_of_state_are_needed(instances: Instances) -> None:
    prod = instances.store.deployments.get("prod")
    assert instances.orchestration.state_versions(prod) == frozenset()
    info = DefsStateInfo.add_version(DefsStateInfo.add_version(None, "dbt", "v1"), "dbt", "v2")
    values = {DEFS_STATE_INFO_CURSOR_KEY: serialize_value(info)}
    instances.get(prod).run_storage.set_cursor_values(values)

    assert instances.orchestration.state_versions(prod) == {"v2"}
