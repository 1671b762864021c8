"""A whole web server over a throw-away folder, in a thread of the test."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from dagstead.client.certificates import certificates_for
from dagstead.control.all import Control
from dagstead.plane.tokens import Grant, Token, TokenKind, new_secret
from dagstead.plane.workers import Minter, Worker
from dagstead.server.authentication import TOKEN_HEADER
from dagstead.server.services import open_instances
from dagstead.server.settings import Settings
from dagstead.server.settings_sources import load_settings
from dagstead.server.web import server_config
from dagstead.store.all import Store
from dagstead.testing.clock import ManualClock
from tests.support.oidc_issuer import OidcIssuer
from tests.support.served import PromptServer, app_of, served
from tests.support.stores import empty_store


@dataclass(frozen=True, kw_only=True)
class Plane:
    """The server and what a test needs to look behind it."""

    app: Starlette
    store: Store
    control: Control
    clock: ManualClock
    settings: Settings

    def token(self, kind: TokenKind, grant: Grant | None = None) -> tuple[Token, str]:
        """A new token and its text."""
        secret = new_secret(kind, self.settings.organization)
        if kind is TokenKind.WORKER:
            server = Worker(deployment="prod", location="weather")
            minter = Minter(pool="a pool", agent_id="an agent")
            return self.store.workers.create(server, secret, minter, None), secret
        return self.store.tokens.create(f"a {kind}", kind, secret, grant or Grant()), secret

    def headers(self, kind: TokenKind, grant: Grant | None = None) -> Mapping[str, str]:
        """The headers of a caller with a new token."""
        return {TOKEN_HEADER: self.token(kind, grant)[1]}

    def socket(self, path: str, headers: Mapping[str, str]) -> ClientConnection:
        """An open websocket, as the UI opens it."""
        address = self.settings.base_url.replace("http", "ws", 1) + path
        return connect(
            address,
            subprotocols=[Subprotocol("graphql-ws")],
            additional_headers=headers,
            compression=None,
            proxy=None,
        )


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """A control plane with the deployments prod and staging, and small bodies."""
    folder: Path = tmp_path_factory.mktemp("plane")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        flags = {"data": folder, "max_body_mb": 1, "port": port, "loopback_issuers": True}
        settings = load_settings(flags, environment={}).settings
        clock = ManualClock()
        store = empty_store(folder, clock, file="dagstead.db")
        for name in ("prod", "staging"):
            store.deployments.create(name)
        instances = open_instances(settings, store)
        app = app_of(settings, instances, environment={})
        with served(PromptServer(server_config(settings, app)), listener):
            yield Plane(
                app=app, store=store, control=instances.control, clock=clock, settings=settings
            )
        instances.close()
        store.close()


@pytest.fixture
def client(plane: Plane) -> Iterator[httpx.Client]:
    """A caller without cookies, who sees redirects."""
    address = plane.settings.base_url
    # Reading certificates, for servers that have none, takes longer than a test.
    with httpx.Client(
        base_url=address, verify=certificates_for(address), trust_env=False, timeout=30
    ) as client:
        yield client


@pytest.fixture(scope="module")
def github() -> Iterator[OidcIssuer]:
    """A provider of CI with a key."""
    with OidcIssuer() as issuer:
        issuer.new_key("first")
        yield issuer


@pytest.fixture
def no_policies(plane: Plane) -> Iterator[None]:
    """A test about trust leaves nothing to the next one."""
    yield
    for each in plane.store.trust.all():
        plane.store.trust.remove(each.id)
    # Each test has the throttle's minute, and the keys' hour, for itself.
    plane.clock.advance(4000)
