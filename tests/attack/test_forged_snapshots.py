"""Definitions under the id of others: whoever asks for an id takes what is there for what it is."""

from __future__ import annotations

import hashlib
import zlib
from typing import Any

import httpx
import pytest
from dagster import job, op
from dagster._core.snap import JobSnap
from dagster._serdes import deserialize_value, pack_value, serialize_value
from dagster_cloud.api.dagster_cloud_api import (
    CheckSnapshotResult,
    FileFormat,
    SnapshotType,
    SnapshotUploadData,
)
from dagster_cloud.storage.runs.queries import (
    ADD_EXECUTION_PLAN_SNAPSHOT_MUTATION,
    ADD_PIPELINE_SNAPSHOT_MUTATION,
    GET_PIPELINE_SNAPSHOT_QUERY,
)
from dagster_shared.serdes.utils import create_snapshot_id

from dagstead.plane.tokens import TokenKind
from tests.unit.server.conftest import Plane

REVIEWED = b'{"name": "reviewed"}'


def snapshot(name: str) -> JobSnap:
    @op(name=f"step_of_{name}")
    def step() -> None:
        pass

    @job(name=name)
    def made() -> None:
        step()

    return JobSnap.from_job_def(made)


@pytest.fixture
def agent(plane: Plane, client: httpx.Client) -> httpx.Client:
    """An agent of prod."""
    client.headers.update(plane.headers(TokenKind.AGENT))
    client.headers["Dagster-Cloud-Deployment"] = "prod"
    return client


def ask(agent: httpx.Client, query: str, **variables: Any) -> Any:
    answer = agent.post("/graphql", json={"query": query, "variables": variables}).json()
    return answer.get("data"), answer.get("errors")


def test_a_job_is_stored_under_its_own_id_only(agent: httpx.Client) -> None:
    mine, theirs = snapshot("mine"), snapshot("theirs")
    text = serialize_value(mine)

    _, errors = ask(
        agent,
        ADD_PIPELINE_SNAPSHOT_MUTATION,
        serializedPipelineSnapshot=text,
        snapshotId=theirs.snapshot_id,
    )
    assert "was to be stored as" in errors[0]["message"]
    found, _ = ask(agent, GET_PIPELINE_SNAPSHOT_QUERY, pipelineSnapshotId=theirs.snapshot_id)
    assert found["runs"]["getPipelineSnapshot"] is None

    for wanted in (None, mine.snapshot_id):
        stored, errors = ask(
            agent,
            ADD_PIPELINE_SNAPSHOT_MUTATION,
            serializedPipelineSnapshot=text,
            snapshotId=wanted,
        )
        assert errors is None
    # An agent of another minor has another text of it, and so another id.
    spaced = text.replace('": ', '":  ', 1)
    of_spaced = hashlib.sha1(spaced.encode(), usedforsecurity=False).hexdigest()
    for wanted in (of_spaced, create_snapshot_id(mine)):
        stored, errors = ask(
            agent,
            ADD_PIPELINE_SNAPSHOT_MUTATION,
            serializedPipelineSnapshot=spaced,
            snapshotId=wanted,
        )
        assert errors is None
        assert stored["runs"]["addPipelineSnapshot"]["ok"]
        found, _ = ask(agent, GET_PIPELINE_SNAPSHOT_QUERY, pipelineSnapshotId=wanted)
        assert deserialize_value(found["runs"]["getPipelineSnapshot"], JobSnap) == mine


def test_a_plan_is_stored_under_its_own_id_only(agent: httpx.Client) -> None:
    _, errors = ask(
        agent,
        ADD_EXECUTION_PLAN_SNAPSHOT_MUTATION,
        serializedExecutionPlanSnapshot=serialize_value(snapshot("mine")),
        snapshotId="0" * 40,
    )
    assert errors


@pytest.mark.parametrize(
    "sent",
    [
        zlib.compress(b'{"name": "forged"}'),
        zlib.compress(REVIEWED)[:-4],
        zlib.compress(REVIEWED + b" "),
        REVIEWED,
        b"",
    ],
)
def test_an_upload_that_is_not_what_was_announced_is_refused(
    agent: httpx.Client, sent: bytes
) -> None:
    sha1 = hashlib.sha1(REVIEWED, usedforsecurity=False).hexdigest()
    query = {"type": SnapshotType.JOB, "sha1": sha1, "formats": FileFormat.GZIPPED_JSON}
    offered = deserialize_value(
        agent.get("/check_snapshot", params=query).text, CheckSnapshotResult
    )
    upload = offered.upload_data
    assert upload is not None
    httpx.put(upload.presigned_put_url, content=sent, trust_env=False).raise_for_status()

    answer = agent.put("/confirm_upload", json=pack_value(upload))

    assert answer.status_code == 400, answer.text
    again = deserialize_value(agent.get("/check_snapshot", params=query).text, CheckSnapshotResult)
    assert again.stored_snapshot is None


def test_an_upload_is_confirmed_as_nothing_else(agent: httpx.Client) -> None:
    """What one has sent for one id is not taken for another one."""
    sha1 = hashlib.sha1(b'{"name": "mine"}', usedforsecurity=False).hexdigest()
    query = {"type": SnapshotType.JOB, "sha1": sha1, "formats": FileFormat.GZIPPED_JSON}
    offered = deserialize_value(
        agent.get("/check_snapshot", params=query).text, CheckSnapshotResult
    )
    upload = offered.upload_data
    assert upload is not None
    content = zlib.compress(b'{"name": "mine"}')
    httpx.put(upload.presigned_put_url, content=content, trust_env=False).raise_for_status()
    forged = SnapshotUploadData(
        sha1=hashlib.sha1(REVIEWED, usedforsecurity=False).hexdigest(),
        format=upload.format,
        uri=upload.uri,
        presigned_put_url=upload.presigned_put_url,
        id=upload.id,
        type=upload.type,
    )
    assert agent.put("/confirm_upload", json=pack_value(forged)).status_code == 400
    assert agent.put("/confirm_upload", json=pack_value(upload)).is_success
