"""The registry's door over a store, in front of a registry that a test plays."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal
from starlette.applications import Starlette

from dagstead.plane.tokens import Grant, TokenKind, new_secret
from dagstead.server.registry.credentials import Credentials
from dagstead.server.registry.door import RegistryDoor
from dagstead.server.registry.upstream import Upstream
from dagstead.server.throttle import Throttle
from dagstead.store.all import Store
from dagstead.testing.clock import ManualClock
from tests.support.orchestration import control_without_dagster
from tests.support.stores import empty_store

UPSTREAM = "http://registry.test:5000/team"


@dataclass
class PlayedRegistry:
    """Answers as a test says, and keeps what it was asked. That real ones do so is shown in
    ``tests/containers``.
    """

    answer: Callable[[httpx.Request], httpx.Response] = lambda _: httpx.Response(200)
    asked: list[httpx.Request] = field(default_factory=list)

    async def handle(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        if request.url.path != "/v2/":
            self.asked.append(request)
        said = self.answer(request)
        return httpx.Response(said.status_code, headers=said.headers, content=_pieces(said.content))

    @property
    def last(self) -> httpx.Request:
        return self.asked[-1]

    @property
    def paths(self) -> list[str]:
        return [f"{each.method} {each.url.raw_path.decode()}" for each in self.asked]


@dataclass(frozen=True, kw_only=True)
class PromptClient:
    """A client of the door, in the loop that its connections belong to."""

    portal: BlockingPortal
    client: httpx.AsyncClient

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        return self.portal.call(partial(self.client.request, method, path, **more))

    def __getattr__(self, method: str) -> Callable[..., httpx.Response]:
        return partial(self.request, method.upper())


@dataclass(frozen=True, kw_only=True)
class Door:
    """The door, and what a test needs around it."""

    client: PromptClient
    registry: PlayedRegistry
    store: Store
    clock: ManualClock

    def login(self, kind: TokenKind = TokenKind.USER, grant: Grant | None = None) -> httpx.Auth:
        secret = new_secret(kind, "dagstead")
        self.store.tokens.create(f"a {kind}", kind, secret, grant or Grant())
        return httpx.BasicAuth("anybody", secret)


@contextmanager
def opened_door(folder: Path) -> Iterator[Door]:
    """The door, over a store in a folder."""
    clock = ManualClock()
    store = empty_store(folder, clock)
    store.deployments.create("prod")
    store.deployments.create("staging")
    registry = PlayedRegistry()
    upstream = Upstream(
        url=UPSTREAM,
        credentials=Credentials(name="us", password="hunter2"),
        client=httpx.AsyncClient(transport=httpx.MockTransport(registry.handle)),
        clock=clock,
    )
    made = RegistryDoor(
        control=control_without_dagster(store),
        seals=store.seals,
        upstream=upstream,
        failures=Throttle(clock=clock, most=3, what="registry logins that failed"),
    )
    transport = httpx.ASGITransport(Starlette(routes=[*made.routes()]))
    with start_blocking_portal() as portal:
        client = PromptClient(
            portal=portal,
            client=httpx.AsyncClient(transport=transport, base_url="http://dagstead.test"),
        )
        yield Door(client=client, registry=registry, store=store, clock=clock)
    store.close()


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    yield content


def basic(name: str, password: str) -> str:
    """The header that carries a name and a password."""
    return f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"
