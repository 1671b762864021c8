"""What callers do over HTTP is in the trail: who, from where, and what they were refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import delete, update

from dagstead.control.actor import SYSTEM
from dagstead.plane.tokens import Grant, TokenKind
from dagstead.plane.trail import BEGINNING, TrailFilter
from dagstead.server.authentication import TOKEN_HEADER
from dagstead.store.tables import trail, trail_head
from tests.support.browsers import sign_in
from tests.unit.server.conftest import Plane

HERE = "127.0.0.1"


@pytest.fixture(autouse=True)
def empty(plane: Plane) -> Iterator[None]:
    """A trail of its own for each test."""
    plane.control.trail.write_down(SYSTEM, all_of_them=True)
    with plane.store.database.write() as connection:
        connection.execute(delete(trail))
        connection.execute(update(trail_head).values(seq=0, hash=BEGINNING))
    yield
    assert plane.store.trail.verify()[0].faults == []


def said(plane: Plane) -> list[Any]:
    return [row.said for row in plane.store.trail.find(TrailFilter())][::-1]


def ask(client: httpx.Client, document: str, **headers: str) -> httpx.Response:
    return client.post("/prod/graphql", json={"query": document}, headers=headers)


def test_a_mutation_of_dagsters_is_recorded(plane: Plane, client: httpx.Client) -> None:
    headers = dict(plane.headers(TokenKind.USER))
    for paused in ("true", "false"):
        document = f"mutation {{ setAutoMaterializePaused(paused: {paused}) }}"
        assert "errors" not in ask(client, document, **headers).json()
    ask(client, 'mutation { deleteRun(runId: "nobody-knows") { __typename } }', **headers)
    done, _, failed = said(plane)
    assert (done["act"], done["result"]) == ("graphql.setAutoMaterializePaused", "done")
    assert done["on"] == {"deployment": "prod", "object": "paused True"}
    assert done["who"]["kind"] == "person"
    assert done["who"]["address"] == HERE
    assert (failed["act"], failed["result"]) == ("graphql.deleteRun", "failed")
    assert failed["on"]["object"] == "run nobody-knows"
    assert "RunNotFound" in failed["reason"]


def test_a_query_is_not_recorded(plane: Plane, client: httpx.Client) -> None:
    headers = dict(plane.headers(TokenKind.USER))
    assert "errors" not in ask(client, "{ version instance { id } }", **headers).json()
    assert said(plane) == []


def _foreign_deployment(plane: Plane, client: httpx.Client) -> httpx.Response:
    limited = plane.headers(TokenKind.USER, Grant(deployments=["staging"]))
    return ask(client, "{ version }", **limited)


def _agent_at_a_page(plane: Plane, client: httpx.Client) -> httpx.Response:
    return client.get("/prod/runs", headers=dict(plane.headers(TokenKind.AGENT)))


def _user_at_the_agents(plane: Plane, client: httpx.Client) -> httpx.Response:
    headers = dict(plane.headers(TokenKind.USER))
    return client.put("/upload_job_snapshot", headers=headers)


def _more_than_deploying(plane: Plane, client: httpx.Client) -> httpx.Response:
    grant = Grant(deployments=["prod"], locations=["weather"], repository="org/repo")
    headers = dict(plane.headers(TokenKind.USER, grant))
    return ask(client, "mutation { setAutoMaterializePaused(paused: true) }", **headers)


def _foreign_page(plane: Plane, client: httpx.Client) -> httpx.Response:
    sign_in(client, plane.token(TokenKind.USER)[1])
    with plane.store.database.write() as connection:
        connection.execute(delete(trail))
        connection.execute(update(trail_head).values(seq=0, hash=BEGINNING))
    return client.get("/prod/graphql", headers={"Sec-Fetch-Site": "cross-site"})


REFUSED: list[Callable[[Plane, httpx.Client], httpx.Response]] = [
    _foreign_deployment,
    _agent_at_a_page,
    _user_at_the_agents,
    _more_than_deploying,
    _foreign_page,
]


@pytest.mark.parametrize("call", REFUSED)
def test_what_is_refused_at_the_door_is_recorded_once(
    plane: Plane, client: httpx.Client, call: Callable[[Plane, httpx.Client], httpx.Response]
) -> None:
    assert call(plane, client).status_code == 403
    (row,) = said(plane)
    assert row["result"] == "refused"
    assert row["who"]["address"] == HERE
    assert row["reason"]


def test_guessed_tokens_are_a_few_rows(plane: Plane, client: httpx.Client) -> None:
    for number in range(60):
        headers = {TOKEN_HEADER: f"user:dagstead:guess{number}"}
        assert client.get("/prod/runs", headers=headers).status_code in {401, 429}
    plane.control.trail.write_down(SYSTEM, all_of_them=True)
    rows = said(plane)
    assert len(rows) < 4
    assert sum(row.get("count", 1) for row in rows) == 60
    assert {row["who"]["kind"] for row in rows} == {"nobody"}
    assert "guess" not in str(rows)


def test_a_sign_in_has_its_address(plane: Plane, client: httpx.Client) -> None:
    sign_in(client, plane.token(TokenKind.USER)[1])
    (row,) = said(plane)
    assert (row["act"], row["who"]["address"]) == ("sessions.begin", HERE)


def test_an_agent_that_administers_is_recorded(plane: Plane, client: httpx.Client) -> None:
    headers = {**plane.headers(TokenKind.AGENT), "Dagster-Cloud-Deployment": "prod"}
    document = (
        "mutation Delete($key: String!) { eventLogs { DeleteConcurrencyLimit(concurrencyKey: $key) "
        "{ success } } }"
    )
    body = {"query": document, "variables": {"key": "db"}}
    answer = client.post("/graphql", json=body, headers=headers).json()
    (row,) = said(plane)
    assert row["act"] == "agent.eventLogs.DeleteConcurrencyLimit", answer
    assert row["on"] == {"deployment": "prod", "object": "db"}
    assert row["who"]["kind"] == "agent"
    assert row["who"]["address"] == HERE


def test_names_of_callers_forge_no_line(plane: Plane, client: httpx.Client) -> None:
    headers = dict(plane.headers(TokenKind.USER))
    forged = 'x\\n{\\"seq\\":1}\\u001b[2J\\u202e'
    ask(client, f'mutation {{ deleteRun(runId: "{forged}") {{ __typename }} }}', **headers)
    (row,) = plane.store.trail.find(TrailFilter())
    assert row.line.isprintable()
    assert "\n" not in row.line
    assert "\\u202e" not in row.line
    assert "seq" in row.said["on"]["object"]
