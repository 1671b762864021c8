"""``/{organization}/…`` is the same as without, unless a deployment has that name."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from dagstead.server.organization_address import OrganizationAddressMiddleware


async def path(request: Request) -> PlainTextResponse:
    return PlainTextResponse(request.url.path)


def seen_path(asked: str, *deployments: str) -> str:
    """The path that arrives behind the middleware."""
    stripping = Middleware(
        OrganizationAddressMiddleware,
        organization="acme",
        is_deployment=lambda name: name in deployments,
    )
    app = Starlette(routes=[Route("/{any:path}", path)], middleware=[stripping])

    async def ask() -> str:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return (await client.get(asked)).text

    return asyncio.run(ask())


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
    assert seen_path(asked, "prod") == seen


def test_a_deployment_of_the_same_name_comes_first() -> None:
    assert seen_path("/acme/graphql", "acme") == "/acme/graphql"
