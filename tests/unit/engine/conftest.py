"""A deployment with a location, and a run of it that waits for an agent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import (
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
)
from dagster._core.launcher import LaunchRunContext
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.utils import make_new_run_id

from dagstead.control import bell
from dagstead.engine.daemons import Daemons
from dagstead.engine.instances import Instances
from dagstead.store.all import Store
from dagstead.testing.clock import ManualClock
from tests.support.releases import deploy
from tests.support.stores import empty_store
from tests.unit.engine.runs import (
    WEATHER,
    report,
)
from tests.unit.engine.settings_stage import Stage


@pytest.fixture
def instances(tmp_path: Path, clock: ManualClock) -> Iterator[Instances]:
    store = empty_store(tmp_path, clock)
    store.deployments.create("prod")
    deploy(store, "prod", [WEATHER])
    opened = Instances(store, tmp_path / "deployments", None)
    yield opened
    opened.close()
    store.close()


@pytest.fixture
def store(instances: Instances) -> Store:
    return instances.store


@pytest.fixture
def instance(instances: Instances) -> DagsterInstance:
    return instances.get(instances.store.deployments.get("prod"))


@pytest.fixture
def queued(instance: DagsterInstance) -> DagsterRun:
    """A run that waits in the run queue."""
    origin = RemoteJobOrigin(
        RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("weather"), "__repository__"), "job"
    )
    added = instance.run_storage.add_run(
        DagsterRun(job_name="job", run_id=make_new_run_id(), remote_job_origin=origin)
    )
    report(instance, added, DagsterEventType.RUN_ENQUEUED)
    return added


@pytest.fixture
def run(instance: DagsterInstance, queued: DagsterRun) -> DagsterRun:
    """A run that is being launched: its request waits for an agent."""
    report(instance, queued, DagsterEventType.RUN_STARTING)
    instance.run_launcher.launch_run(LaunchRunContext(dagster_run=queued, workspace=None))
    return queued


@pytest.fixture
def stage(instances: Instances, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> Stage:
    # Nothing rings where a test moves the clock.
    monkeypatch.setattr(bell, "LOOK_SECONDS", 0.05)
    return Stage(instances, clock, Daemons(instances, "http://127.0.0.1:1"))
