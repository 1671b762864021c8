"""GraphQL of agents that is malformed, or has variables of another form."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dagstead.plane.tokens import Grant, TokenKind
from tests.unit.agent_api.conftest import Wire
from tests.unit.agent_api.refusals import (
    OTHER_CLASS,
    UNKNOWN_CLASS,
    refused,
    shown,
)

GRAPHQL_BODIES: list[bytes] = [
    b"",
    b"{",
    b"\xff\xfe",
    b"null",
    b"[]",
    b"[" * 100_000,
    b"{}",
    b'{"query": 3}',
    b'{"query": null}',
    json.dumps({"query": ""}).encode(),
    json.dumps({"query": "{"}).encode(),
    json.dumps({"query": "nonsense"}).encode(),
    json.dumps({"query": "{ noSuchField }"}).encode(),
    json.dumps({"query": "{ runs { noSuchField } }"}).encode(),
    json.dumps({"query": "{ runs }"}).encode(),
    json.dumps({"query": "{ runs { getRunById } }"}).encode(),
    json.dumps({"query": "{ runs { getRunById(runId: 3) } }"}).encode(),
    json.dumps({"query": "{ runs { getRunById(runId: $none) } }"}).encode(),
    json.dumps({"query": "query A { __typename } query B { __typename }"}).encode(),
    json.dumps({"query": "query A { ...F } fragment F on Query { ...F }"}).encode(),
    json.dumps({"query": "{" + "a {" * 5000 + "b" + "}" * 5000 + "}"}).encode(),
    json.dumps({"query": "subscription { agents { id } }"}).encode(),
]


@pytest.mark.parametrize("content", GRAPHQL_BODIES, ids=shown)
def test_a_malformed_operation(wire: Wire, content: bytes) -> None:
    answer = wire.call("POST", "/graphql", content=content)
    assert answer.status_code in {200, 400}
    refused(answer, 200, 400)
    assert "failed on the server" not in answer.text


BEAT = """mutation($b: Any) {
  userCloudAgent { addAgentHeartbeats(serializedAgentHeartbeats: $b) { ok } }
}"""
POP = """query($q: Any, $d: Any, $l: Any) {
  userCloudAgent { popUserCloudAgentRequests(agentQueues: $q, forFullDeployments: $d, limit: $l) {
    requestId
  } }
}"""
EVENT = "mutation($e: Any!) { eventLogs { StoreEvent(eventRecord: $e) { ok } } }"

BAD_VARIABLES: list[tuple[str, dict[str, Any]]] = [
    (BEAT, {"b": 3}),
    (BEAT, {"b": [None]}),
    (BEAT, {"b": [{"deploymentName": "prod"}]}),
    (BEAT, {"b": [{"deploymentName": "prod", "serializedAgentHeartbeat": "no JSON"}]}),
    (BEAT, {"b": [{"deploymentName": "prod", "serializedAgentHeartbeat": UNKNOWN_CLASS}]}),
    (BEAT, {"b": [{"deploymentName": "prod", "serializedAgentHeartbeat": OTHER_CLASS}]}),
    (POP, {"q": 3}),
    (POP, {"q": [3]}),
    (POP, {"d": [None]}),
    (POP, {"l": -1}),
    (POP, {"l": "many"}),
    (POP, {"l": 10**30, "d": ["prod"]}),
    (EVENT, {"e": 3}),
    (EVENT, {"e": {}}),
    (EVENT, {"e": {"runId": "x"}}),
]


@pytest.mark.parametrize(("query", "variables"), BAD_VARIABLES)
def test_malformed_variables(wire: Wire, query: str, variables: dict[str, Any]) -> None:
    answer = wire.call("POST", "/graphql", json={"query": query, "variables": variables})
    assert answer.status_code in {200, 400}
    assert "errors" in answer.json() or variables.get("l") == 10**30
    assert "failed on the server" not in answer.text
    assert "Traceback" not in answer.text


def test_heartbeats_for_foreign_deployments_are_not_kept(wire: Wire) -> None:
    limited = wire.token(TokenKind.AGENT, Grant(deployments={"staging"}))
    variables = {"b": [{"deploymentName": "prod", "serializedAgentHeartbeat": "anything"}]}
    answer = wire.client.post(
        "/graphql", json={"query": BEAT, "variables": variables}, headers=limited
    )
    assert answer.status_code == 200
    assert wire.store.agents.of("prod") == []
