"""``/{organization}/…`` is the same as without, unless a deployment has that name."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from dagstead.server.organization_address import OrganizationAddressMiddleware


async def path(request: Request) -> PlainTextResponse:
    return PlainTextResponse(request.url.path)


def client(*deployments: str) -> TestClient:
    stripping = Middleware(
        OrganizationAddressMiddleware,
        organization="acme",
        is_deployment=lambda name: name in deployments,
    )
    return TestClient(Starlette(routes=[Route("/{any:path}", path)], middleware=[stripping]))


@pytest.mark.parametrize(
    ("asked", "seen"),
    [
        ("/acme/graphql", "/graphql"),
        ("/acme/acme/graphql", "/acme/graphql"),
        ("/prod/graphql", "/prod/graphql"),
        ("/acmes/graphql", "/acmes/graphql"),
        ("/acme", "/acme"),
    ],
)
def test_the_organization_is_taken_off(asked: str, seen: str) -> None:
    assert client("prod").get(asked).text == seen


def test_a_deployment_of_the_same_name_comes_first() -> None:
    assert client("acme").get("/acme/graphql").text == "/acme/graphql"
