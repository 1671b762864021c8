"""A token of the wrong kind: whoever calls with it reads which kind it takes."""

from __future__ import annotations

import httpx
import pytest
from dagster_cloud_cli.core.headers.auth import DagsterCloudInstanceScope
from dagster_cloud_cli.core.headers.impl import get_dagster_cloud_api_headers

from dagstead.client.connection import Connection, ServerAddress
from dagstead.errors import ForbiddenError
from dagstead.plane.tokens import TokenKind
from tests.unit.server.conftest import Plane

_QUERY = "query ($names: [String!]) { deployments(deploymentNames: $names) { deploymentName } }"


def test_an_agent_with_a_user_token_reads_that_it_needs_its_own(
    plane: Plane, client: httpx.Client
) -> None:
    _, secret = plane.token(TokenKind.USER)
    headers = get_dagster_cloud_api_headers(secret, DagsterCloudInstanceScope.ORGANIZATION)

    answer = client.post("/graphql", json={"query": _QUERY}, headers=headers)

    assert answer.status_code == httpx.codes.FORBIDDEN
    assert "is a user token, and an agent calls with it" in answer.text
    assert "--kind agent" in answer.text


def test_our_own_commands_with_an_agent_token_say_so(plane: Plane) -> None:
    _, secret = plane.token(TokenKind.AGENT)
    target = ServerAddress(url=plane.settings.base_url, token=secret, deployment=None)
    with (
        Connection(target) as connection,
        pytest.raises(ForbiddenError, match="is an agent token, and this is for people"),
    ):
        connection.graphql("{ servingAgents { name } }")
