"""The console over a throw-away store, without a server around it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from dagstead.console.assets import Assets
from dagstead.console.calls import Services
from dagstead.console.render import Renderer
from dagstead.console.routes import console_routes
from dagstead.control.actor import SYSTEM
from dagstead.control.all import Control
from dagstead.plane.roles import Role, RoleGrant, Roles
from dagstead.plane.tokens import Grant, TokenKind
from dagstead.store.all import Store
from dagstead.testing.clock import ManualClock
from tests.support.console_scene import ConsoleScene
from tests.support.orchestration import NoDagster, control_without_dagster
from tests.support.releases import new_location
from tests.support.stores import empty_store

#: Whoever looks. A token's name is its secret here.
PEOPLE: Mapping[str, Grant] = {
    "the admin": Grant(),
    "the viewer": Grant(roles=Roles(default=Role.VIEWER)),
    "the launcher of weather": Grant(
        roles=Roles(
            default=Role.VIEWER,
            grants=frozenset(
                {RoleGrant(role=Role.LAUNCHER, deployment="prod", location="weather")}
            ),
        )
    ),
    "of staging": Grant(deployments=["staging"], branch_deployments=False),
    "of weather": Grant(deployments=["prod"], locations=["weather"]),
}


@dataclass(frozen=True, kw_only=True)
class Console:
    """The pages, and what is behind them."""

    store: Store
    control: Control
    #: What it asks of Dagster.
    dagster: NoDagster
    services: Services
    app: Starlette
    #: Of the one browser.
    cookies: httpx.Cookies

    def get(self, path: str, who: str = "the admin", **headers: str) -> httpx.Response:
        """A page as somebody sees it."""
        return asyncio.run(self._send("GET", path, who, headers, None))

    def post(
        self, path: str, who: str = "the admin", **form: str | Sequence[str]
    ) -> httpx.Response:
        """A form that somebody sends."""
        return asyncio.run(self._send("POST", path, who, {}, form))

    async def _send(
        self, method: str, path: str, who: str, headers: Mapping[str, str], form: Any
    ) -> httpx.Response:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app),
            base_url="https://dagstead.example",
            cookies=self.cookies,
            headers={"x-who": who, **headers},
        ) as client:
            answer = await client.request(method, path, data=form)
            self.cookies.update(client.cookies)
            for name in set(self.cookies) - set(client.cookies):
                self.cookies.delete(name)
            return answer


class _Known:
    """Stands for the server's authentication: the header says who it is."""

    def __init__(self, app: ASGIApp, store: Store) -> None:
        self._app = app
        self._store = store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            who = dict(scope["headers"]).get(b"x-who", b"").decode()
            state = scope.setdefault("state", {})
            state["token"] = self._store.tokens.authenticate(who)
            state["address"] = "127.0.0.1"
            state["base_url"] = "https://dagstead.example"
        await self._app(scope, receive, send)


def console_over(store: Store) -> Console:
    """The console of a store."""
    dagster = NoDagster()
    control = control_without_dagster(store, dagster)
    control.secrets.require_key(SYSTEM)
    services = Services(
        control=control,
        renderer=Renderer(assets=Assets.of_package(), clock=store.clock),
        organization="dagstead",
        secrets=(),
        redeploy=lambda _: lambda document: new_location(document["location_name"], "again"),
        is_closing=lambda: False,
    )
    app = Starlette(routes=console_routes(services), middleware=[Middleware(_Known, store=store)])
    return Console(
        store=store,
        control=control,
        dagster=dagster,
        services=services,
        app=app,
        cookies=httpx.Cookies(),
    )


def with_people(store: Store) -> None:
    """Everybody who looks, and an agent."""
    for name, grant in PEOPLE.items():
        store.tokens.create(name, TokenKind.USER, name, grant)
    store.tokens.create("an agent", TokenKind.AGENT, "an agent", Grant())


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """With all sorts of things in it. Tests leave them as they are."""
    store = empty_store(tmp_path_factory.mktemp("console"), ManualClock())
    ConsoleScene(store).fill()
    with_people(store)
    yield console_over(store)
    store.close()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Console]:
    """The same, for a test that changes something."""
    store = empty_store(tmp_path, ManualClock())
    ConsoleScene(store).fill()
    with_people(store)
    yield console_over(store)
    store.close()


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Console]:
    """An installation that has just begun."""
    folder = tmp_path / "empty"
    folder.mkdir()
    store = empty_store(folder, ManualClock())
    store.deployments.create("prod")
    with_people(store)
    yield console_over(store)
    store.close()
