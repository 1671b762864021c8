"""Calls that wait for an agent wake when it has answered, and do not only look now and then."""

from __future__ import annotations

import zlib
from concurrent.futures import Future
from threading import Thread
from uuid import uuid4

import pytest
from dagster._serdes import serialize_value
from dagster_cloud.api.dagster_cloud_api import (
    DagsterCloudApi,
    DagsterCloudApiErrorResponse,
    DagsterCloudApiGrpcResponse,
    DagsterCloudApiResponse,
    DagsterCloudUploadApiResponse,
    DagsterCloudUploadWorkspaceEntry,
)
from dagster_cloud_cli.core.workspace import CodeLocationDeployData
from dagster_shared.error import SerializableErrorInfo

from dagstead.control import bell
from dagstead.control.actor import SYSTEM, Actor
from dagstead.control.requests import Poll
from dagstead.engine.calls import AgentCalls
from dagstead.plane.requests import Request
from dagstead.testing import eventually
from tests.support.heartbeats import heartbeat_of
from tests.support.orchestration import control_without_dagster
from tests.support.releases import deploy, new_location
from tests.unit.agent_api.conftest import Wire

_ERROR = SerializableErrorInfo(message="no", stack=[], cls_name=None)
_DEADLINE = 60.0


@pytest.fixture
def location() -> str:
    """The name of a location that no test before has deployed to the same server."""
    return f"location-{uuid4().hex}"


@pytest.fixture(scope="module", autouse=True)
def _line(wire: Wire) -> None:
    """The bell's: as it is opened it rings everything, not during a test."""
    with wire.store.bell.listen("") as listener:
        assert listener.wait(_DEADLINE)


@pytest.fixture
def asked(wire: Wire, location: str, monkeypatch: pytest.MonkeyPatch) -> Future[str]:
    """A location's code is being asked, by somebody whom only the bell can wake."""
    monkeypatch.setattr(bell, "LOOK_SECONDS", 3600.0)
    prod = wire.store.deployments.get("prod")
    wire.store.agents.record([heartbeat_of(now=wire.clock())])
    deploy(wire.store, "prod", [new_location(location)])
    wire.store.releases.set_loaded("prod", location, deploy_id="1", manifest="{}")
    deploy(wire.store, "prod", [new_location(location, "2")])
    answered: Future[str] = Future()

    def ask() -> None:
        api = DagsterCloudApi.GET_EXTERNAL_PARTITION_NAMES
        calls = AgentCalls(control_without_dagster(wire.store))
        answered.set_result(calls.ask(prod, location, api, None, timeout=600))

    # One that nothing wakes must not hold up the end of the tests.
    Thread(target=ask, daemon=True).start()
    return answered


def taken(wire: Wire, location: str) -> Request:
    """The request for a location's code, which the agent has taken."""
    (token,) = (each for each in wire.store.tokens.all() if each.name == "an agent")
    poll = Poll(full_deployments=["prod"])

    def take() -> list[Request]:
        found = wire.control.requests.take(Actor.holding(token), poll)
        return [each for each in found if each.location == location]

    (request,) = eventually(take, _DEADLINE, "the request")
    return request


def answer(wire: Wire, location: str, response: DagsterCloudApiResponse) -> None:
    request = taken(wire, location)
    upload = DagsterCloudUploadApiResponse(
        request_id=request.id, request_api=request.api, response=response
    )
    file = zlib.compress(serialize_value(upload).encode())
    sent = wire.call("PUT", "/upload_api_response", files={"api_response.tmp": file})
    assert sent.status_code == 200


def test_an_answer_wakes_who_waits_for_it(wire: Wire, location: str, asked: Future[str]) -> None:
    answer(wire, location, DagsterCloudApiGrpcResponse(serialized_response_or_error="said"))
    assert asked.result(_DEADLINE) == "said"


def test_a_location_that_has_failed_to_load_is_asked_once_more(
    wire: Wire, location: str, asked: Future[str]
) -> None:
    """An error may be of the deploy that was under way, whose outcome comes later."""
    answer(wire, location, DagsterCloudApiErrorResponse(error_infos=[_ERROR]))
    entry = DagsterCloudUploadWorkspaceEntry(
        location_name=location,
        code_location_deploy_data=CodeLocationDeployData(image="x", module_name="m"),
        upload_location_data=None,
        serialized_error_info=_ERROR,
    )
    file = zlib.compress(serialize_value(entry).encode())
    sent = wire.call("PUT", "/upload_workspace_entry", files={"workspace_entry.tmp": file})
    assert sent.status_code == 200
    control_without_dagster(wire.store).load_reports.loaded(
        SYSTEM, wire.store.deployments.get("prod"), location, deploy_id="1", manifest="{}"
    )
    answer(wire, location, DagsterCloudApiGrpcResponse(serialized_response_or_error="said"))
    assert asked.result(_DEADLINE) == "said"
