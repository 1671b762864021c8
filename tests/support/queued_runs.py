"""Runs in the run queue of a control plane that runs."""

from __future__ import annotations

from dagster import DagsterEvent, DagsterEventType, DagsterRun
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.utils import make_new_run_id

from dagstead.engine.instances import Instances
from tests.support.control_plane import ControlPlane


def queue_runs(plane: ControlPlane, deployment: str, location: str, count: int) -> list[str]:
    """Have runs of a location wait in the run queue, as after a launch; returns their ids."""
    origin = RemoteJobOrigin(
        RemoteRepositoryOrigin(RegisteredCodeLocationOrigin(location), "__repository__"), "job"
    )
    enqueued = DagsterEvent(
        event_type_value=DagsterEventType.RUN_ENQUEUED.value, job_name="job", message=""
    )
    instances = Instances(plane.store, plane.data / "deployments", None)
    try:
        instance = instances.get(plane.store.deployments.get(deployment))
        ids = [make_new_run_id() for _ in range(count)]
        for run_id in ids:
            run = DagsterRun(job_name="job", run_id=run_id, remote_job_origin=origin)
            instance.run_storage.add_run(run)
            instance.report_dagster_event(enqueued, run_id)
    finally:
        instances.close()
    return ids
