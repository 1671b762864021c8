"""User code of the managed pool sends every operation there is, with its own token.

What it names belongs to others: a foreign run, another location's secrets, schedules and backfills.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from dagster import DagsterEvent, DagsterEventType, DagsterInstance
from dagster._core.definitions.assets.graph.asset_graph_subset import AssetGraphSubset
from dagster._core.events.log import EventLogEntry
from dagster._core.execution.asset_backfill import AssetBackfillData
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._core.remote_origin import RemotePartitionSetOrigin
from dagster._core.storage.dagster_run import DagsterRun, DagsterRunStatus
from dagster._serdes import serialize_value
from dagster_cloud.storage.event_logs.storage import _input_for_event

from dagstead.agent_api.graphql.worker_rights import AGENTS, READS, SHARED, WORKER_RIGHTS
from dagstead.engine.run_launcher import AGENT_ID_TAG
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.workers import Minter, Worker
from tests.contract.conftest import surface, world
from tests.contract.documents import Document
from tests.contract.packages import OWN_MINOR, agent_documents
from tests.contract.surface import Surface
from tests.contract.variables import every_variable
from tests.contract.world import (
    DEPLOYMENT,
    LOCATION,
    World,
    backfill,
    job_origin,
    repository_origin,
)

__all__ = ["surface", "world"]

pytestmark = pytest.mark.contract

#: Of a location that the world does not have: all that there is belongs to others.
OWN = "own"
RUN_WORKER = Worker(deployment=DEPLOYMENT, location=OWN, run_id=str(uuid.uuid4()), launch=1)
CODE_SERVER = Worker(deployment=DEPLOYMENT, location=OWN)

STORE = """
mutation ($event: EventLogEntryInput!) { eventLogs { StoreEvent(eventRecord: $event) { ok } } }
"""
ADD_RUN = """
mutation ($run: String!) {
  runs { addRun(serializedPipelineRun: $run) { ok error { message } } }
}
"""
ADD_TAGS = """
mutation ($id: String!, $tags: JSONString!) {
  runs { addRunTags(runId: $id, jsonNewTags: $tags) { ok } }
}
"""
ADD_BACKFILL = """
mutation ($new: String!) { runs { addBackfill(serializedPartitionBackfill: $new) { ok } } }
"""
UPDATE_BACKFILL = """
mutation ($new: String!) { runs { updateBackfill(serializedPartitionBackfill: $new) { ok } } }
"""

#: What names nobody's things, as the variables of the contract tests fill it.
FREE = {READS, SHARED, WORKER_RIGHTS["runs.addRun"]}


#: What the variables of the contract tests are answered with, whoever sends them.
OTHER_FAULTS = ("Open-source storage cannot", "The snapshot has the id")


def holding(surface: Surface, worker: Worker) -> Surface:
    """The same server, as a process of user code meets it."""
    minter = Minter(pool="pool", agent_id="agent")
    token = surface.store.workers.create(worker, f"worker:org:{uuid.uuid4()}", minter, None)
    return replace(surface, token=token)


@pytest.fixture(params=[RUN_WORKER, CODE_SERVER], ids=["run worker", "code server"])
def thief(surface: Surface, world: World, request: pytest.FixtureRequest) -> Iterator[Surface]:
    del world
    yield holding(surface, request.param)
    surface.store.workers.end_of_pool(ORGANIZATION, "pool")


def is_refused(caller: Surface, document: str, **variables: Any) -> bool:
    """Whether the server says that this is not for the caller; any other fault fails the test."""
    answer = caller.send(document, variables, deployment=DEPLOYMENT)
    if "errors" not in answer:
        return False
    said = str(answer["errors"])
    assert any(each in said for each in ("managed pool", *OTHER_FAULTS)), answer
    return "managed pool" in said


def _documents() -> list[Any]:
    every = [document for document in agent_documents(OWN_MINOR) if document.paths]
    return [pytest.param(document, id=f"{document.paths[0]}-{document.line}") for document in every]


def _is_free(document: Document) -> bool:
    return {WORKER_RIGHTS[path] for path in document.paths} <= FREE


@pytest.mark.parametrize("document", _documents())
def test_what_belongs_to_others_is_refused_and_all_else_is_answered(
    thief: Surface, world: World, document: Document
) -> None:
    variables = every_variable(document, world)
    assert is_refused(thief, document.text, **variables) is not _is_free(document)


def test_the_walk_meets_every_operation() -> None:
    met = {path for document in agent_documents(OWN_MINOR) for path in document.paths}
    assert set(WORKER_RIGHTS) - met == set()
    assert sum(right is AGENTS for right in WORKER_RIGHTS.values()) > 8


def test_nothing_of_another_deployment_is_read(thief: Surface) -> None:
    if "elsewhere" not in {each.name for each in thief.store.deployments.all()}:
        thief.deploy("elsewhere")
    for document in agent_documents(OWN_MINOR):
        read = [path for path in document.paths if WORKER_RIGHTS[path] is READS]
        if read:
            answer = thief.send(document.text, {}, deployment="elsewhere")
            assert "errors" in answer, read


def event(run_id: str, kind: DagsterEventType = DagsterEventType.RUN_FAILURE) -> Mapping[str, Any]:
    entry = EventLogEntry(
        error_info=None,
        level=20,
        user_message="",
        run_id=run_id,
        timestamp=1_700_000_000.0,
        dagster_event=DagsterEvent(event_type_value=kind.value, job_name="job"),
    )
    sent: Mapping[str, Any] = _input_for_event(entry)
    return sent


def new_run(**more: Any) -> DagsterRun:
    return DagsterRun(job_name="job", run_id=str(uuid.uuid4()), **more)


def add(caller: Surface, run: DagsterRun) -> bool:
    return not is_refused(caller, ADD_RUN, run=serialize_value(run))


def test_a_worker_writes_to_its_own_run_only(surface: Surface, world: World) -> None:
    own, other = new_run(), new_run()
    for run in (own, other):
        world.instance.add_run(run)
    worker = holding(surface, replace(RUN_WORKER, run_id=own.run_id))

    assert not is_refused(worker, STORE, event=event(own.run_id, DagsterEventType.RUN_START))
    assert not is_refused(worker, ADD_TAGS, id=own.run_id, tags=json.dumps({"a": "b"}))
    assert is_refused(worker, STORE, event=event(other.run_id))
    assert is_refused(worker, ADD_TAGS, id=other.run_id, tags=json.dumps({"a": "b"}))
    stored = world.instance.get_run_by_id(other.run_id)
    assert stored is not None
    assert stored.status is DagsterRunStatus.NOT_STARTED


def test_a_worker_does_not_begin_launches(surface: Surface, world: World) -> None:
    own = new_run()
    world.instance.add_run(own)
    worker = holding(surface, replace(RUN_WORKER, run_id=own.run_id))
    assert is_refused(worker, ADD_TAGS, id=own.run_id, tags=json.dumps({AGENT_ID_TAG: "me"}))


def test_runs_that_a_worker_makes_are_its_own_and_nobody_elses(
    surface: Surface, world: World
) -> None:
    worker, made = holding(surface, RUN_WORKER), new_run()
    assert add(worker, made)
    assert not is_refused(worker, STORE, event=event(made.run_id))
    for other in (
        holding(surface, replace(RUN_WORKER, run_id=str(uuid.uuid4()))),
        holding(surface, CODE_SERVER),
    ):
        assert is_refused(other, STORE, event=event(made.run_id))
    # The next launch of the same run goes on with what the one before it has made.
    assert not is_refused(
        holding(surface, replace(RUN_WORKER, launch=2)), STORE, event=event(made.run_id)
    )
    assert world.instance.has_run(made.run_id)


def test_making_a_run_that_exists_gives_no_right_to_it(thief: Surface, world: World) -> None:
    foreign = world.runs[0]
    add(thief, foreign)
    assert is_refused(thief, STORE, event=event(foreign.run_id))


def test_no_run_of_another_location_is_made(thief: Surface) -> None:
    assert not add(thief, new_run(remote_job_origin=job_origin("job", LOCATION)))
    assert add(thief, new_run(remote_job_origin=job_origin("job", OWN)))


@pytest.mark.parametrize("status", [DagsterRunStatus.QUEUED, DagsterRunStatus.STARTING])
@pytest.mark.parametrize("location", [OWN, LOCATION])
def test_no_run_is_made_for_the_daemons_to_launch(
    thief: Surface, status: DagsterRunStatus, location: str
) -> None:
    """It names the code that is executed: that could be any that the pool has."""
    assert not add(thief, new_run(status=status, remote_job_origin=job_origin("job", location)))


@pytest.mark.parametrize(
    "kind",
    [
        DagsterEventType.RUN_ENQUEUED,
        DagsterEventType.RUN_DEQUEUED,
        DagsterEventType.RUN_STARTING,
    ],
)
def test_no_run_comes_into_the_run_queue(thief: Surface, kind: DagsterEventType) -> None:
    made = new_run()
    assert add(thief, made)
    assert is_refused(thief, STORE, event=event(made.run_id, kind))


def backfill_of(location: str) -> PartitionBackfill:
    origin = RemotePartitionSetOrigin(
        repository_origin=repository_origin(location), partition_set_name="partitions"
    )
    made = backfill(uuid.uuid4().hex[:8], BulkActionStatus.REQUESTED, 1_700_000_000.0)
    return made._replace(partition_set_origin=origin)


def test_a_backfill_is_of_its_own_location_and_changed_by_who_made_it(thief: Surface) -> None:
    own = backfill_of(OWN)
    assert not is_refused(thief, ADD_BACKFILL, new=serialize_value(own))
    assert not is_refused(thief, UPDATE_BACKFILL, new=serialize_value(own))
    moved = own._replace(partition_set_origin=backfill_of(LOCATION).partition_set_origin)
    assert is_refused(thief, UPDATE_BACKFILL, new=serialize_value(moved))
    assert is_refused(thief, ADD_BACKFILL, new=serialize_value(backfill_of(LOCATION)))


def test_a_backfill_of_assets_is_of_no_location(thief: Surface) -> None:
    """Whatever it says besides: these assets are defined somewhere else."""
    empty = AssetBackfillData.empty(
        AssetGraphSubset.create_empty_subset(), 1_700_000_000.0, DagsterInstance.ephemeral()
    )
    assets = backfill_of(OWN)._replace(asset_backfill_data=empty)
    assert assets.is_asset_backfill
    assert is_refused(thief, ADD_BACKFILL, new=serialize_value(assets))


@pytest.mark.parametrize(
    ("kind", "may"),
    [
        (DagsterEventType.ASSET_OBSERVATION, True),
        (DagsterEventType.RUN_FAILURE, False),
        (DagsterEventType.RUN_ENQUEUED, False),
        (DagsterEventType.STEP_START, False),
    ],
)
def test_events_beside_any_run_are_those_of_assets(
    thief: Surface, kind: DagsterEventType, *, may: bool
) -> None:
    answer = thief.send(STORE, {"event": event("", kind)}, deployment=DEPLOYMENT)
    assert ("managed pool" in str(answer)) is not may
