"""A server that is killed between our record of a run's end and Dagster's, on either side."""

from __future__ import annotations

import sqlite3
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
import pytest
from dagster import (
    DagsterEvent,
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
)
from dagster._core.events.log import EventLogEntry
from dagster._core.utils import make_new_run_id
from dagster._serdes import serialize_value
from dagster_cloud.api.dagster_cloud_api import StoreEventBatchRequest
from psycopg import sql
from sqlalchemy import update

from dagstead.engine.instances import Instances
from dagstead.server.authentication import TOKEN_HEADER
from dagstead.store.database import CONTROL_SCHEMA, deployment_schema
from dagstead.store.tables import launches
from dagstead.testing.waiting import eventually
from tests.support.control_plane import ControlPlane

pytestmark = pytest.mark.storage

DEPLOYMENT = "prod"
KEY = "the-end"

#: What is shown by then was not shown by the process that recorded it.
_LONG_AGO_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Ground:
    """A control plane with a run that is under way."""

    plane: ControlPlane
    instance: DagsterInstance
    run_id: str
    agent: str
    #: The Postgres URL; ``None`` on SQLite.
    database: str | None

    def end(self) -> int:
        """The run's worker reports its success, always with the same key; returns the status."""
        event = DagsterEvent(event_type_value=DagsterEventType.RUN_SUCCESS.value, job_name="job")
        entry = EventLogEntry(None, 20, "", self.run_id, 7.0, None, "job", event)
        batch = serialize_value(StoreEventBatchRequest(event_log_entries=[entry]))
        return httpx.post(
            f"{self.plane.url}/store_events",
            files={"store_events.tmp": zlib.compress(batch.encode())},
            headers={
                TOKEN_HEADER: self.agent,
                "Dagster-Cloud-Deployment": DEPLOYMENT,
                "Idempotency-Key": KEY,
            },
            timeout=60,
            trust_env=False,
        ).status_code

    def is_recorded(self) -> bool:
        """Whether our record has the end."""
        launch = self.plane.store.launches.newest(DEPLOYMENT, self.run_id)
        return launch is not None and not launch.is_open

    def status(self) -> DagsterRunStatus:
        """What Dagster's storage shows."""
        run = self.instance.get_run_by_id(self.run_id)
        assert run is not None
        return run.status

    def ends_in_log(self) -> int:
        """How often the run's log has its end."""
        return len(self.instance.all_logs(self.run_id, of_type={DagsterEventType.RUN_SUCCESS}))

    @contextmanager
    def locked(self, table: str, file: str) -> Iterator[Callable[[], bool]]:
        """Nobody writes to a table of Postgres, or a file of SQLite; yields whether one waits."""
        if self.database is None:
            [database] = self.plane.data.rglob(file)
            with closing(sqlite3.connect(database, isolation_level=None)) as writer:
                writer.execute("BEGIN IMMEDIATE")
                yield lambda: True
            return
        schema = deployment_schema(DEPLOYMENT) if table == "event_logs" else CONTROL_SCHEMA
        with psycopg.connect(self.database) as holder, psycopg.connect(self.database) as other:
            name = sql.Identifier(schema, table)
            holder.execute(sql.SQL("LOCK TABLE {} IN EXCLUSIVE MODE").format(name))
            other.autocommit = True
            waiting = sql.SQL("SELECT count(*) FROM pg_locks WHERE NOT granted")
            yield lambda: bool(other.execute(waiting).fetchone() != (0,))


@pytest.fixture(params=["sqlite", "postgres"])
def ground(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ground]:
    database = None if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    with ControlPlane(tmp_path, database=database) as plane:
        prod = plane.store.deployments.create(DEPLOYMENT)
        instances = Instances(plane.store, plane.data / "deployments", database)
        instance = instances.get(prod)
        run = DagsterRun(job_name="job", run_id=make_new_run_id())
        instance.run_storage.add_run(run)
        start = DagsterEvent(event_type_value=DagsterEventType.RUN_START.value, job_name="job")
        instance.report_dagster_event(start, run.run_id)
        yield Ground(
            plane=plane,
            instance=instance,
            run_id=run.run_id,
            agent=plane.agent_token("agent"),
            database=database,
        )
        instances.close()


@contextmanager
def sending(ground: Ground) -> Iterator[Future[int]]:
    """The worker sends its end meanwhile; its server dies before it answers."""
    with ThreadPoolExecutor(1) as worker:
        sent = worker.submit(ground.end)
        yield sent
        assert isinstance(sent.exception(), httpx.TransportError)


def send_again(ground: Ground) -> None:
    """As official workers do, until the server takes it."""
    eventually(lambda: ground.end() == httpx.codes.OK, 60, "the answer to the second try")


def test_an_end_that_was_recorded_is_shown_after_a_restart(ground: Ground) -> None:
    with ground.locked("event_logs", "events/*.db"), sending(ground):
        eventually(ground.is_recorded, 60, "our record of the end")
        ground.plane.kill()
    assert ground.status() is DagsterRunStatus.STARTED

    with ground.plane.store.database.write() as connection:
        long_ago = time.time() - _LONG_AGO_SECONDS
        connection.execute(update(launches).values(ended_at=long_ago))
    ground.plane.start()

    eventually(lambda: ground.status() is DagsterRunStatus.SUCCESS, 60, "the end")
    send_again(ground)
    assert ground.ends_in_log() == 1


def test_an_end_that_was_not_recorded_is_taken_when_it_is_sent_again(ground: Ground) -> None:
    with ground.locked("launches", "dagstead.db") as somebody_waits, sending(ground):
        eventually(somebody_waits, 60, "the server at our record")
        ground.plane.kill()
    assert not ground.is_recorded()
    assert ground.ends_in_log() == 0

    ground.plane.start()
    send_again(ground)

    assert ground.status() is DagsterRunStatus.SUCCESS
    assert ground.is_recorded()
    assert ground.ends_in_log() == 1
