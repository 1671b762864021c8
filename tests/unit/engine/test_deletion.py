"""What becomes of the runs and the files of a deployment that is deleted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.utils import make_new_run_id

from dagstead.control.actor import COMMAND_LINE
from dagstead.control.deployments import Deletion
from dagstead.engine.instances import Instances
from dagstead.errors import DeploymentNotFoundError
from dagstead.testing.clock import ManualClock
from tests.support.stores import empty_store


@pytest.fixture
def instances(tmp_path: Path) -> Iterator[Instances]:
    store = empty_store(tmp_path, ManualClock())
    for name in ("prod", "staging"):
        store.deployments.create(name)
    opened = Instances(store, tmp_path / "deployments", None, tmp_path / "pool" / "deployments")
    yield opened
    opened.close()
    store.close()


def add_run(instance: DagsterInstance, status: DagsterRunStatus) -> str:
    """A run of a location that was removed meanwhile."""
    origin = RemoteJobOrigin(
        RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("weather"), "__repository__"), "job"
    )
    run = DagsterRun(
        job_name="job", run_id=make_new_run_id(), status=status, remote_job_origin=origin
    )
    return instance.run_storage.add_run(run).run_id


def test_runs_are_ended_and_everything_is_removed(instances: Instances, tmp_path: Path) -> None:
    deployments = instances.control.deployments
    prod = instances.store.deployments.get("prod")
    instance = instances.get(prod)
    queued = add_run(instance, DagsterRunStatus.QUEUED)
    started = add_run(instance, DagsterRunStatus.STARTED)
    add_run(instance, DagsterRunStatus.SUCCESS)
    outputs = tmp_path / "pool" / "deployments" / "prod" / "storage" / started
    outputs.mkdir(parents=True)
    assert set(deployments.runs_under_way(COMMAND_LINE, prod)) == {queued, started}

    assert deployments.delete(COMMAND_LINE, prod) == Deletion(ended=(queued,), left=(started,))

    assert list(tmp_path.rglob("prod")) == []


def test_a_process_that_learns_late_of_a_deletion_makes_nothing_again(
    instances: Instances, tmp_path: Path
) -> None:
    prod = instances.store.deployments.get("prod")
    instances.control.deployments.delete(COMMAND_LINE, prod)

    with pytest.raises(DeploymentNotFoundError):
        instances.get(prod)

    assert list(tmp_path.rglob("prod")) == []
