"""A token of the wrong kind: whoever calls with it reads which kind it takes."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest
from dagster_cloud_cli.core.headers.auth import DagsterCloudInstanceScope
from dagster_cloud_cli.core.headers.impl import get_dagster_cloud_api_headers

from dagstead.client.connection import Connection, ServerAddress
from dagstead.control.actor import NOBODY, SYSTEM
from dagstead.control.recording import who_of
from dagstead.errors import ForbiddenError
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.refused_callers import RefusalCount
from dagstead.plane.tokens import Grant, TokenKind, new_secret
from dagstead.plane.trail import Entry, Result
from dagstead.server.authentication import TOKEN_HEADER
from dagstead.store.refused_callers import MOST_CALLERS
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


def test_callers_that_are_refused_are_listed(plane: Plane, client: httpx.Client) -> None:
    revoked, of_a_user = "agent:dagstead:was-revoked-then", "user:dagstead:in-an-agents-file"
    token = plane.store.tokens.create("gone", TokenKind.AGENT, revoked, Grant())
    plane.store.tokens.revoke(token.id)
    plane.store.tokens.create("ada", TokenKind.USER, of_a_user, Grant())
    unknown = new_secret(TokenKind.AGENT, plane.settings.organization)
    for _ in range(3):
        for secret in (revoked, of_a_user, unknown):
            headers = get_dagster_cloud_api_headers(secret, DagsterCloudInstanceScope.ORGANIZATION)
            client.post("/graphql", json={"query": _QUERY}, headers=headers)
    by_name = {each.name: each for each in plane.control.callers.refused(SYSTEM)}

    names = ("agent token 'gone'", "person 'ada'", f"a token that ends in …{unknown[-4:]}")
    for each in (by_name[name] for name in names):
        assert (each.times, each.address) == (3, "127.0.0.1")
        assert each.first_at == each.last_at == plane.clock()
        assert not any(secret in repr(each) for secret in (revoked, of_a_user, unknown))
    assert by_name["agent token 'gone'"].reason.startswith("Token 'gone' was revoked.")
    wrong = by_name["person 'ada'"]
    assert "an agent calls with it" in wrong.reason
    assert wrong.mend.command == "dagstead token create --kind agent --name NAME"


def test_a_caller_that_comes_again_and_again_is_one_row_and_one_write_a_minute(
    plane: Plane, client: httpx.Client
) -> None:
    again = "agent:dagstead:was-revoked-and-comes-again"
    token = plane.store.tokens.create("again", TokenKind.AGENT, again, Grant())
    plane.store.tokens.revoke(token.id)
    written: list[int] = []
    for _ in range(5):
        for _ in range(3):
            client.post("/graphql", json={"query": _QUERY}, headers={TOKEN_HEADER: again})
        rows = plane.control.callers.refused(SYSTEM)
        (row,) = [each for each in rows if each.name == "agent token 'again'"]
        written.append(row.times)
        plane.clock.advance(20.0)
    assert written == [3, 3, 3, 12, 12]


def test_of_a_flood_of_guesses_some_hundred_rows_are_kept(plane: Plane) -> None:
    store = plane.store.refused_callers
    for number in range(MOST_CALLERS + 5):
        who = replace(who_of(NOBODY), address=f"10.0.0.{number}")
        entry = Entry(who=who, act="token_reader.of_secret", result=Result.REFUSED)
        at = plane.clock() + number
        store.note([RefusalCount(entry=entry, times=1, first_at=at, last_at=at)])
    rows = store.all(ORGANIZATION)
    assert len(rows) == MOST_CALLERS
    assert rows[0].address == f"10.0.0.{MOST_CALLERS + 4}"
    plane.clock.advance(3600.0)
    assert plane.control.callers.purge(SYSTEM, 60.0) == MOST_CALLERS
