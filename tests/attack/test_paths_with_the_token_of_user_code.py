"""User code of the managed pool calls every path of the server with its own token."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator

import httpx
import pytest
from starlette.routing import BaseRoute, Mount, Route

from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.workers import Minter, Worker
from dagstead.server.authentication import TOKEN_HEADER, is_public
from tests.unit.server.conftest import Plane, client, plane

__all__ = ["client", "plane"]

WORKERS = {
    "run worker": Worker(
        deployment="prod",
        location="weather",
        run_id="00000000-0000-4000-8000-000000000001",
        launch=1,
    ),
    "code server": Worker(deployment="prod", location="weather"),
}

#: What is there for user code: its operations, its events, its output, and the artifacts that it
#: reads. Each decides by what it is asked.
OPEN = {
    ("POST", "/graphql"),
    ("POST", "/store_events"),
    ("GET", "/gen_logs_url"),
    ("POST", "/gen_artifact_get"),
    ("POST", "/prod/gen_artifact_get"),
}

#: A page for browsers, which shows nothing.
EMPTY = {("GET", "/sign-out"), ("POST", "/sign-out")}


@pytest.fixture(params=WORKERS)
def headers(plane: Plane, request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    secret = f"worker:org:{request.param}"
    minter = Minter(pool="pool", agent_id="agent")
    plane.store.workers.create(WORKERS[request.param], secret, minter, None)
    yield {TOKEN_HEADER: secret, "Dagster-Cloud-Deployment": "prod"}
    plane.store.workers.end_of_pool(ORGANIZATION, "pool")


def _routes(routes: list[BaseRoute], below: str = "") -> Iterator[tuple[str, str]]:
    for route in routes:
        if isinstance(route, Mount):
            yield from _routes(list(route.routes), below + route.path)
        elif isinstance(route, Route):
            for method in sorted(route.methods or {"GET", "POST"}):
                yield method, below + route.path.replace("{deployment}", "prod")


def paths(plane: Plane) -> set[tuple[str, str]]:
    found = {
        (method, path.replace("{path:path}", "x"))
        for method, path in _routes(list(plane.app.routes))
        if method != "HEAD" and not is_public(path)
    }
    return found | {
        ("GET", "/prod/"),
        ("POST", "/prod/graphql"),
        ("GET", "/prod/graphql"),
        ("GET", "/prod/report_asset_materialization/key"),
        ("POST", "/prod/report_asset_materialization/key"),
        ("GET", "/prod/download_debug/run"),
        ("GET", "/staging/graphql"),
    }


def test_all_paths_but_its_own_are_refused(
    plane: Plane, client: httpx.Client, headers: dict[str, str]
) -> None:
    tried = paths(plane) - OPEN - EMPTY
    for method, path in sorted(tried):
        answer = client.request(method, path, headers=headers, json={"key": "x"})
        is_refused = answer.status_code in {403, 404, 405} or "not offered" in answer.text
        assert is_refused, (method, path, answer.text[:200])
    assert {
        ("POST", "/worker_tokens"),
        ("PUT", "/worker_tokens"),
        ("PUT", "/server_log"),
        ("POST", "/prod/graphql"),
    } < tried
    assert len(tried) > 20


@pytest.mark.parametrize("deployment", ["staging", "none", ""])
@pytest.mark.parametrize(("method", "path"), sorted(OPEN - {("POST", "/prod/gen_artifact_get")}))
def test_what_is_open_is_closed_for_other_deployments(
    client: httpx.Client, headers: dict[str, str], deployment: str, method: str, path: str
) -> None:
    question = {"query": "{ runs { getRunTagKeys } }", "key": "manifest"}
    output = {"run_id": "r", "key": "k", "io_type": "stdout"}
    answer = client.request(
        method,
        path,
        headers={**headers, "Dagster-Cloud-Deployment": deployment},
        json=question,
        params=output if method == "GET" else None,
    )
    is_refused = answer.status_code >= httpx.codes.BAD_REQUEST or "errors" in answer.json()
    assert is_refused, answer.text


def test_it_reads_artifacts_of_its_deployment_and_writes_none(
    client: httpx.Client, headers: dict[str, str]
) -> None:
    for path in ("/gen_artifact_post", "/prod/gen_artifact_post"):
        answer = client.post(path, headers=headers, json={"key": "manifest"})
        assert answer.status_code == httpx.codes.FORBIDDEN, answer.text
    for key in ("pex/source-1.pex", "manifest"):
        anywhere = {TOKEN_HEADER: headers[TOKEN_HEADER]}
        answer = client.post("/gen_artifact_get", headers=anywhere, json={"key": key})
        assert answer.status_code == httpx.codes.FORBIDDEN, answer.text
    answer = client.post("/gen_artifact_get", headers=headers, json={"key": "manifest"})
    assert answer.status_code == httpx.codes.NOT_FOUND


def test_output_of_another_run_has_no_address(
    client: httpx.Client, headers: dict[str, str]
) -> None:
    foreign = {
        "run_id": "00000000-0000-4000-8000-000000000009",
        "key": "step",
        "io_type": "stdout",
    }
    answer = client.get("/gen_logs_url", headers=headers, params=foreign)
    assert answer.status_code == httpx.codes.FORBIDDEN


def test_events_of_another_run_are_refused_in_a_batch_too(
    client: httpx.Client, headers: dict[str, str]
) -> None:
    entry = {
        "__class__": "EventLogEntry",
        "dagster_event": None,
        "error_info": None,
        "level": 20,
        "message": "",
        "pipeline_name": None,
        "run_id": "00000000-0000-4000-8000-000000000009",
        "step_key": None,
        "timestamp": 1.0,
        "user_message": "forged",
    }
    batch = {"__class__": "StoreEventBatchRequest", "event_log_entries": [entry]}
    upload = {"store_events.tmp": zlib.compress(json.dumps(batch).encode())}
    answer = client.post("/store_events", headers=headers, files=upload)
    assert answer.status_code == httpx.codes.FORBIDDEN, answer.text


def test_the_token_is_no_sign_in(client: httpx.Client, headers: dict[str, str]) -> None:
    answer = client.post(
        "/sign-in",
        data={"token": headers[TOKEN_HEADER]},
        headers={"Origin": str(client.base_url)},
    )
    assert answer.status_code != httpx.codes.SEE_OTHER
    assert "set-cookie" not in answer.headers


def test_a_token_that_has_ended_is_not_recognised(
    plane: Plane, client: httpx.Client, headers: dict[str, str]
) -> None:
    plane.store.workers.end_of_pool(ORGANIZATION, "pool")
    answer = client.post("/graphql", headers=headers, json={"query": "{ agents { id } }"})
    assert answer.status_code == httpx.codes.UNAUTHORIZED
    assert "ends with the process" in answer.text
