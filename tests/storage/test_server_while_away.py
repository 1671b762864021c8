"""The web server while its store is away, on every path, and how the official client bridges it."""

from __future__ import annotations

import socket
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx
import pytest
import requests
import uvicorn
from dagster_cloud_cli.core.errors import DagsterCloudAgentServerError
from dagster_cloud_cli.core.graphql_client import (
    DagsterCloudAgentHttpClient,
    DagsterCloudGraphQLClient,
)
from starlette.applications import Starlette
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from dagstead.control.pex_files import note_of
from dagstead.engine.instances import Instances
from dagstead.plane.blobs import BlobKey, BlobKind
from dagstead.plane.tokens import Grant, TokenKind, is_of_agents, new_secret
from dagstead.server.app import create_app
from dagstead.server.authentication import TOKEN_HEADER, is_public
from dagstead.server.services import open_instances
from dagstead.server.settings_sources import load_settings
from dagstead.server.web import server_config
from dagstead.store.all import Store, open_store
from dagstead.testing.clock import ManualClock
from tests.support.postgres import PostgresCluster
from tests.support.routes import every_call
from tests.support.served import served
from tests.support.sqlite_files import SqliteFiles, disconnect

pytestmark = pytest.mark.storage

Change = Callable[[], None]

_AGENT_QUERY = 'query { runs { getRunById(runId: "none") } }'
_USER_QUERY = "query { version runsOrError { ... on Runs { results { runId } } } }"
#: Open-source Dagster makes its failures a part of the data.
_RUN_QUERY = 'query { runOrError(runId: "none") { __typename } }'
_EVENTS = {
    "store_events.tmp": zlib.compress(
        b'{"__class__": "StoreEventBatchRequest", "event_log_entries": ['
        b'{"__class__": "EventLogEntry", "error_info": null, "level": 20, "user_message": "m",'
        b' "run_id": "none", "timestamp": 1.0, "step_key": null, "job_name": null,'
        b' "dagster_event": null}]}'
    )
}


@dataclass(frozen=True, kw_only=True)
class Plane:
    """A server whose store can be taken away and brought back."""

    app: Starlette
    instances: Instances
    url: str
    folder: Path
    take: Change
    bring: Change
    #: Headers of a caller of each kind.
    callers: dict[TokenKind, dict[str, str]]

    @property
    def store(self) -> Store:
        """Of the control plane."""
        return self.instances.store

    @contextmanager
    def away(self) -> Iterator[None]:
        """The store is away during the block."""
        self.take()
        try:
            yield
        finally:
            self.bring()


@pytest.fixture(scope="module")
def own_cluster() -> Iterator[PostgresCluster]:
    """A Postgres that no other test stands on."""
    cluster = PostgresCluster.create()
    yield cluster
    cluster.remove()


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def plane(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Plane]:
    """A control plane with the deployment prod, whose storage was used before."""
    folder = tmp_path_factory.mktemp("plane")
    if request.param == "sqlite":
        files = SqliteFiles(folder)
        with _plane(folder, None, files.take, files.bring) as opened:
            yield opened
        return
    cluster: PostgresCluster = request.getfixturevalue("own_cluster")
    with cluster.database() as url, _plane(folder, url, cluster.stop, cluster.resume) as opened:
        yield opened


@contextmanager
def _plane(folder: Path, database: str | None, take: Change, bring: Change) -> Iterator[Plane]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        flags = {"data": folder, "port": listener.getsockname()[1]}
        flags |= {} if database is None else {"database": database}
        settings = load_settings(flags, environment={}).settings
        store = open_store(
            database_url=settings.database_url, blobs_folder=folder / "blobs", clock=ManualClock()
        )
        prod = store.deployments.create("prod")
        callers = {}
        for kind in TokenKind:
            secret = new_secret(kind, "dagstead")
            store.tokens.create(f"a {kind}", kind, secret, Grant())
            callers[kind] = {TOKEN_HEADER: secret, "Dagster-Cloud-Deployment": "prod"}
        instances = open_instances(settings, store)
        instances.get(prod).get_runs()

        def take_all() -> None:
            take()
            # Files that are open stay so, wherever they are moved.
            disconnect(instances)

        app = create_app(settings, instances, environment={})
        with served(uvicorn.Server(server_config(settings, app)), listener):
            yield Plane(
                app=app,
                instances=instances,
                url=settings.base_url,
                folder=folder,
                take=take_all,
                bring=bring,
                callers=callers,
            )
        instances.close()
        store.close()


@pytest.fixture(scope="module")
def client(plane: Plane) -> Iterator[httpx.Client]:
    """A caller of the server."""
    with httpx.Client(base_url=plane.url, trust_env=False, timeout=60) as client:
        yield client


def problem_of(answer: httpx.Response) -> str | None:
    """What keeps a client from sending it again, or its user from knowing why."""
    if answer.status_code != 503 or "Retry-After" in answer.headers:
        return f"{answer.status_code}, {answer.headers.get('Retry-After')}: {answer.text}"
    if answer.request.method == "HEAD":
        return None
    body = answer.json()
    secret = answer.request.headers.get("Dagster-Cloud-Api-Token", "")
    known = {"error", "maintenance"} if is_of_agents(secret) else {"error"}
    is_well = set(body) == known and "/health" in body["error"]
    return None if is_well and "SELECT" not in answer.text else answer.text


@pytest.mark.parametrize("kind", list(TokenKind))
def test_every_path_says_that_the_store_is_away(
    plane: Plane, client: httpx.Client, kind: TokenKind
) -> None:
    calls = [call for call in every_call(plane.app) if not is_public(call[1])]
    assert len(calls) > 25
    with plane.away():
        answers = {
            call: client.request(*call, headers=plane.callers[kind], json={"query": "{x}"})
            for call in [*calls, ("POST", "/dagstead/graphql")]
        }
    problems = {call: problem_of(answer) for call, answer in answers.items()}
    assert {call: problem for call, problem in problems.items() if problem} == {}


@pytest.mark.parametrize("plane", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("kind", "method", "path", "body"),
    [
        (TokenKind.AGENT, "POST", "/graphql", {"json": {"query": _AGENT_QUERY}}),
        (TokenKind.AGENT, "POST", "/store_events", {"files": _EVENTS}),
        (TokenKind.USER, "POST", "/graphql", {"json": {"query": _USER_QUERY}}),
        (TokenKind.USER, "POST", "/prod/graphql", {"json": {"query": _USER_QUERY}}),
        (TokenKind.USER, "POST", "/prod/graphql", {"json": {"query": _RUN_QUERY}}),
        (TokenKind.USER, "GET", "/prod/download_debug/none", {}),
    ],
)
def test_a_deployments_own_storage_may_be_away_alone(
    plane: Plane,
    client: httpx.Client,
    kind: TokenKind,
    method: str,
    path: str,
    body: dict[str, Any],
) -> None:
    headers = {**plane.callers[kind], "Idempotency-Key": "a key"}
    files = SqliteFiles(plane.folder / "deployments")
    files.take()
    disconnect(plane.instances)
    answer = client.request(method, path, headers=headers, **body)
    files.bring()
    assert problem_of(answer) is None


def test_health_and_pages_need_no_more_than_before(plane: Plane, client: httpx.Client) -> None:
    blobs = plane.store.blobs
    address = blobs.sign(BlobKey(BlobKind.SNAPSHOT, "prod", "uploads/x"), "PUT")
    pex = blobs.sign(BlobKey(BlobKind.PEX, "_", "x.pex"), "PUT", note_of(None, 0.0))
    with plane.away():
        health = client.get("/health")
        form = client.get("/sign-in")
        pasted = client.post(
            "/sign-in", data={"token": "x"}, headers={"Sec-Fetch-Site": "same-origin"}
        )
        blob = client.put(address, content=b"x")
        recorded = client.put(pex, content=b"x")
    assert (health.status_code, health.json()["status"]) == (503, "unavailable")
    assert form.status_code == 200
    assert problem_of(pasted) is None
    # Files are on a disk of their own.
    assert blob.status_code == 200
    # Of a PEX file it is recorded who has sent it.
    assert recorded.status_code == 503
    assert client.get("/health").status_code == 200


def test_the_log_has_the_cause_and_no_secret(
    plane: Plane, client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    headers = plane.callers[TokenKind.AGENT]
    with plane.away():
        client.post("/graphql", headers=headers, json={"query": _AGENT_QUERY})
    [line] = [line for line in caplog.messages if line.startswith("The store is away")]
    assert "/graphql" in line
    assert "OperationalError" in line
    assert headers[TOKEN_HEADER] not in caplog.text
    assert "Traceback" not in caplog.text


def test_a_socket_of_the_ui_is_refused(plane: Plane) -> None:
    headers = plane.callers[TokenKind.USER]
    address = plane.url.replace("http", "ws", 1) + "/prod/graphql"
    with plane.away(), pytest.raises(InvalidStatus) as refused:
        connect(address, additional_headers=headers, proxy=None)
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize(
    ("kind", "path", "query"),
    [
        (TokenKind.AGENT, "/graphql", _AGENT_QUERY),
        (TokenKind.USER, "/graphql", _USER_QUERY),
        (TokenKind.USER, "/prod/graphql", _USER_QUERY),
    ],
)
def test_the_official_client_bridges_it(
    plane: Plane, kind: TokenKind, path: str, query: str
) -> None:
    with Mending(plane) as mending:
        sender = DagsterCloudGraphQLClient(
            url=plane.url + path,
            session=mending.session,
            headers=plane.callers[kind],
            max_retries=1,
            backoff_factor=0.0,
        )
        answer = sender.execute(query)
    assert "errors" not in answer
    assert answer["data"]
    assert mending.statuses == [503, 200]


def test_the_official_client_bridges_it_on_rest_paths(plane: Plane) -> None:
    with Mending(plane) as mending:
        sender = DagsterCloudAgentHttpClient(
            session=mending.session,
            headers=plane.callers[TokenKind.AGENT],
            max_retries=1,
            backoff_factor=0.0,
        )
        with pytest.raises(DagsterCloudAgentServerError, match="job"):
            sender.put(plane.url + "/upload_job_snapshot")
    # The second answer is of the request itself, which was wrong.
    assert mending.statuses == [503, 400]


class Mending:
    """A session for the official clients, at whose first failure the store comes back."""

    def __init__(self, plane: Plane) -> None:
        self._plane = plane
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.hooks["response"].append(self._see)
        self.statuses: list[int] = []

    def __enter__(self) -> Self:
        self._plane.take()
        return self

    def __exit__(self, *_: object) -> None:
        self.session.close()
        if not self.statuses:
            self._plane.bring()

    def _see(self, response: requests.Response, *_: object, **__: object) -> None:
        self.statuses.append(response.status_code)
        if len(self.statuses) == 1:
            self._plane.bring()
