"""An agent of one deployment changes and learns nothing of a launch of another one."""

from __future__ import annotations

import json
import uuid
import zlib
from collections.abc import Mapping

import httpx
import pytest
from dagster._serdes import serialize_value
from dagster_cloud.api.dagster_cloud_api import (
    DagsterCloudApiErrorResponse,
    DagsterCloudUploadApiResponse,
)
from dagster_shared.error import SerializableErrorInfo

from dagstead.engine.run_launcher import AGENT_ID_TAG
from dagstead.plane.deployments import Branch
from dagstead.plane.requests import LAUNCH_RUN, Claim, NewRequest, Request
from dagstead.plane.tokens import Grant, TokenKind
from tests.unit.agent_api.conftest import Wire

ADD_TAGS = """mutation($r: String!, $t: JSONString!) {
  runs { addRunTags(runId: $r, jsonNewTags: $t) { ok } }
}"""

BRANCH = Branch(repo_name="shop", branch_name="fix")
HEADER = "Dagster-Cloud-Deployment"

#: By what they serve: agents that may not serve the launch's deployment.
FOREIGN = {
    "prod": Grant(deployments={"staging"}, branch_deployments=True),
    "a branch": Grant(deployments={"prod", "staging"}, branch_deployments=False),
}


@pytest.fixture(params=FOREIGN)
def owner(wire: Wire, request: pytest.FixtureRequest) -> str:
    """The deployment that the launch is of."""
    if request.param == "prod":
        return "prod"
    return wire.store.deployments.create_or_update_branch(BRANCH, base="prod").name


@pytest.fixture
def foreign(wire: Wire, owner: str) -> Mapping[str, str]:
    """The headers of an agent that is not of it; without a deployment."""
    grant = FOREIGN["prod" if owner == "prod" else "a branch"]
    headers = wire.token(TokenKind.AGENT, grant)
    return {name: value for name, value in headers.items() if name != HEADER}


@pytest.fixture
def launch(wire: Wire, owner: str) -> Request:
    """A launch that its own agent has taken."""
    new = NewRequest(
        id=str(uuid.uuid4()),
        api=LAUNCH_RUN,
        deployment=owner,
        queue="gpu",
        location="weather",
        run_id=str(uuid.uuid4()),
        body="{}",
        expires_at=wire.clock() + 500,
    )
    wire.store.requests.submit(new)
    honest = next(token for token in wire.store.tokens.all() if token.name == "an agent")
    claim = Claim(
        token_id=honest.id,
        deployments=frozenset({owner}),
        branch_deployments=True,
        queues=frozenset({"gpu"}),
    )
    assert new.id in {taken.id for taken in wire.store.requests.pop(claim)}
    return now_of(wire, owner, str(new.run_id))


def now_of(wire: Wire, deployment: str, run_id: str) -> Request:
    [found] = wire.store.requests.of_run(deployment, run_id)
    return found


def add_tags(wire: Wire, headers: Mapping[str, str], run_id: str, agent_id: str) -> httpx.Response:
    variables = {"r": run_id, "t": json.dumps({AGENT_ID_TAG: agent_id})}
    body = {"query": ADD_TAGS, "variables": variables}
    return wire.client.post("/graphql", json=body, headers=headers)


def ways_to_ask(owner: str) -> list[dict[str, str]]:
    """With no deployment, the agent's own, the launch's, one that does not exist."""
    named = ("staging", owner, owner.upper(), f"staging,{owner}", "nowhere", "")
    return [{}, *({HEADER: name} for name in named)]


def test_it_cannot_begin_the_launch(
    wire: Wire, owner: str, foreign: Mapping[str, str], launch: Request
) -> None:
    for extra in ways_to_ask(owner):
        answer = add_tags(wire, {**foreign, **extra}, str(launch.run_id), "evil")
        assert "errors" in answer.json(), extra
        assert now_of(wire, owner, str(launch.run_id)) == launch, extra

    honest = {**wire.headers, HEADER: owner}
    add_tags(wire, honest, str(launch.run_id), "honest")

    assert now_of(wire, owner, str(launch.run_id)).begun_by == "honest"


def test_it_does_not_learn_whether_there_is_one_or_who_has_begun_it(
    wire: Wire, owner: str, foreign: Mapping[str, str], launch: Request
) -> None:
    wire.store.requests.begin_launch(owner, str(launch.run_id), "honest", by=None)
    invented = str(uuid.uuid4())

    for extra in ways_to_ask(owner):
        of_launch = add_tags(wire, {**foreign, **extra}, str(launch.run_id), "evil")
        of_nothing = add_tags(wire, {**foreign, **extra}, invented, "evil")
        same = of_nothing.text.replace(invented, str(launch.run_id))
        assert (of_launch.status_code, of_launch.text) == (of_nothing.status_code, same), extra


def test_it_cannot_answer_it(
    wire: Wire, owner: str, foreign: Mapping[str, str], launch: Request
) -> None:
    error = SerializableErrorInfo(message="evil", stack=[], cls_name=None)
    response = DagsterCloudUploadApiResponse(
        request_id=launch.id,
        request_api=LAUNCH_RUN,
        response=DagsterCloudApiErrorResponse(error_infos=[error]),
    )
    packed = zlib.compress(serialize_value(response).encode())
    for extra in ways_to_ask(owner):
        wire.client.put(
            "/upload_api_response",
            headers={**foreign, **extra},
            files={"api_response.tmp": packed},
        )
        assert now_of(wire, owner, str(launch.run_id)) == launch, extra
