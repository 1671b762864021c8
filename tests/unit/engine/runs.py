"""Runs on their way through the queue, for the tests of this folder."""

from __future__ import annotations

from dagster import (
    DagsterEvent,
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
)
from dagster._core.launcher import WorkerStatus
from dagster._serdes import serialize_value
from dagster_cloud.execution.monitoring import CloudRunWorkerStatus, CloudRunWorkerStatuses

from dagstead.control.actor import SYSTEM
from dagstead.engine.instances import Instances
from dagstead.plane.agents import Heartbeat
from dagstead.plane.locations import NewLocation
from dagstead.plane.requests import Claim
from dagstead.store.all import Store
from tests.support.heartbeats import heartbeat_of, of_pool

POLL = Claim(
    token_id=1,
    deployments=frozenset({"prod"}),
    branch_deployments=False,
    queues=frozenset({"gpu"}),
)


WEATHER = NewLocation(name="weather", document={}, deploy_data="{}", deploy_id="1", queue="gpu")


def messages(instance: DagsterInstance, run: DagsterRun) -> str:
    return "\n".join(entry.message for entry in instance.all_logs(run.run_id))


def reported_statuses(*statuses: CloudRunWorkerStatus) -> CloudRunWorkerStatuses:
    return CloudRunWorkerStatuses(
        list(statuses),
        run_worker_monitoring_supported=True,
        run_worker_monitoring_thread_alive=True,
    )


def beat(received_at: float, *, agent_id: str, statuses: CloudRunWorkerStatuses) -> Heartbeat:
    return heartbeat_of(
        "gpu",
        now=received_at,
        agent_id=agent_id,
        run_worker_statuses=serialize_value(statuses),
    )


def begin(instances: Instances, run: DagsterRun, agent_id: str) -> None:
    control = instances.control
    deployment = control.deployments.named(SYSTEM, "prod")
    control.requests.begin_launch(SYSTEM, deployment, run.run_id, agent_id)


def report(
    instance: DagsterInstance, run: DagsterRun, kind: DagsterEventType, message: str = ""
) -> None:
    event = DagsterEvent(event_type_value=kind.value, job_name="job", message=message)
    instance.report_dagster_event(event, run.run_id)


def status(instance: DagsterInstance, run: DagsterRun) -> DagsterRunStatus:
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    return found.status


def pool_beat(store: Store, run: DagsterRun, launch: int, *, killed: bool) -> Heartbeat:
    said = CloudRunWorkerStatus(
        run.run_id,
        WorkerStatus.FAILED,
        "killed by signal 9" if killed else "ended with code 1",
        transient=killed,
        run_worker_id=f"17 of launch {launch}",
    )
    return of_pool(store, beat(store.clock(), agent_id="pool-2", statuses=reported_statuses(said)))
