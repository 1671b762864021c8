"""A daemon takes a run from the run queue, and the database goes away before it is launched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from dagster import DagsterEventType, DagsterRun, DagsterRunStatus
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher import LaunchRunContext
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.utils import make_new_run_id

from dagstead.engine.instances import Instances
from dagstead.engine.workspace import DeploymentWorkspace
from dagstead.errors import StoreAwayError
from dagstead.store.all import open_store
from dagstead.testing.clock import ManualClock
from dagstead.watch.run_watch import RunWatch
from tests.support.postgres import PostgresCluster
from tests.support.releases import deploy
from tests.unit.engine.runs import POLL, WEATHER, report, status

pytestmark = pytest.mark.storage


@pytest.fixture
def cluster() -> Iterator[PostgresCluster]:
    """A server of its own, which can be stopped."""
    started = PostgresCluster.create()
    yield started
    started.remove()


def test_daemons_try_again_what_they_cannot_find_the_code_of(
    cluster: PostgresCluster, tmp_path: Path, clock: ManualClock
) -> None:
    """Open-source Dagster gives a schedule's tick up after any other error."""
    with (
        cluster.database() as url,
        closing(open_store(database_url=url, blobs_folder=tmp_path / "b", clock=clock)) as store,
        closing(Instances(store, tmp_path / "deployments", url)) as instances,
    ):
        store.deployments.create("prod")
        workspace = DeploymentWorkspace("prod", instances, base_url="http://127.0.0.1")
        workspace.create_request_context()

        cluster.stop()
        with pytest.raises(DagsterUserCodeUnreachableError, match="does not answer"):
            workspace.create_request_context()
        with pytest.raises(StoreAwayError):
            workspace.create_request_context(source=object())
        cluster.resume()


def test_a_run_that_the_daemon_could_not_launch_is_launched_when_the_database_is_back(
    cluster: PostgresCluster, tmp_path: Path, clock: ManualClock
) -> None:
    """An error of its launcher would make the daemon fail the run."""
    with (
        cluster.database() as url,
        closing(open_store(database_url=url, blobs_folder=tmp_path / "b", clock=clock)) as store,
        closing(Instances(store, tmp_path / "deployments", url)) as instances,
    ):
        instance = instances.get(store.deployments.create("prod"))
        deploy(store, "prod", [WEATHER])
        origin = RemoteJobOrigin(
            RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("weather"), "__repository__"), "job"
        )
        run = instance.run_storage.add_run(
            DagsterRun(job_name="job", run_id=make_new_run_id(), remote_job_origin=origin)
        )
        report(instance, run, DagsterEventType.RUN_ENQUEUED)
        report(instance, run, DagsterEventType.RUN_STARTING)

        cluster.stop()
        instance.run_launcher.launch_run(LaunchRunContext(dagster_run=run, workspace=None))
        cluster.resume()

        watch = RunWatch(instances.control)
        watch.look()
        clock.advance(60)
        watch.look()
        [launch] = store.requests.pop(POLL)
        assert launch.run_id == run.run_id
        assert status(instance, run) is DagsterRunStatus.STARTING
