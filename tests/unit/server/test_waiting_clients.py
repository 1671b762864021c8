"""Official clients wait for a store that is away, for as long as it takes."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
import requests
import uvicorn
from dagster_cloud_cli.core.errors import DagsterCloudHTTPError
from dagster_cloud_cli.core.graphql_client import (
    DEFAULT_RETRIES,
    DagsterCloudAgentHttpClient,
    DagsterCloudGraphQLClient,
)
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dagstead.errors import StoreAwayError
from dagstead.server.guard import GuardMiddleware
from dagstead.server.replies import WaitLimits
from tests.support.served import PromptServer, served

_TOKEN = "Dagster-Cloud-Api-Token"
#: More often than clients repeat what they count.
_TIMES = DEFAULT_RETRIES + 3

Client = Callable[[str, requests.Session], Any]


@contextmanager
def store_that_is_away(times: int) -> Iterator[str]:
    """The address of a server whose store answers after so many requests."""
    left = iter(range(times))

    async def answer(_request: Request) -> Response:
        if next(left, None) is not None:
            raise StoreAwayError
        return JSONResponse({"data": {"it": "is back"}})

    app = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])
    guarded = GuardMiddleware(app, WaitLimits(whole=30.0, interval=0.01))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = PromptServer(uvicorn.Config(guarded, log_config=None))
        with served(server, listener):
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def by_graphql(url: str, session: requests.Session) -> Any:
    client = DagsterCloudGraphQLClient(
        f"{url}/graphql", session, headers=dict(session.headers), max_retries=DEFAULT_RETRIES
    )
    return client.execute("query It { it }")


def by_rest(url: str, session: requests.Session) -> Any:
    client = DagsterCloudAgentHttpClient(
        session, headers=dict(session.headers), max_retries=DEFAULT_RETRIES
    )
    return client.post(f"{url}/store_events")


@pytest.mark.parametrize("ask", [by_graphql, by_rest])
def test_an_agent_or_a_worker_waits_without_counting(ask: Client) -> None:
    with store_that_is_away(_TIMES) as url, closing(requests.Session()) as session:
        session.headers[_TOKEN] = "agent:harbour:secret"

        assert ask(url, session) == {"data": {"it": "is back"}}


@pytest.mark.parametrize("token", ["user:harbour:secret", ""])
def test_a_person_is_answered_at_once(token: str) -> None:
    with store_that_is_away(1) as url, closing(requests.Session()) as session:
        client = DagsterCloudAgentHttpClient(session, headers={_TOKEN: token}, max_retries=0)

        with pytest.raises(DagsterCloudHTTPError, match="503"):
            client.get(url)
