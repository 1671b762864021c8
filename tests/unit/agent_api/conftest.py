"""The whole web application over a throw-away folder, served by a thread of the test."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from dagstead.client.certificates import certificates_for
from dagstead.control.all import Control
from dagstead.plane.tokens import Grant, TokenKind, new_secret
from dagstead.server.services import open_instances
from dagstead.server.settings_sources import load_settings
from dagstead.server.web import server_config
from dagstead.store.all import Store
from dagstead.testing.clock import ManualClock
from tests.support.served import PromptServer, app_of, served
from tests.support.stores import empty_store

#: In the environment of the server.
SECRETS = {"DAGSTEAD_SECRET_GIVEN": "of the environment"}


@dataclass(frozen=True, kw_only=True)
class Wire:
    """A server, and a caller with an agent token for its deployment prod."""

    control: Control
    client: httpx.Client
    store: Store
    clock: ManualClock
    headers: Mapping[str, str]

    def call(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> httpx.Response:
        """An answer to the agent; ``headers`` come on top of its own."""
        merged = {**self.headers, **(headers or {})}
        return self.client.request(method, path, headers=merged, **more)

    def token(self, kind: TokenKind, grant: Grant) -> Mapping[str, str]:
        """The headers of another caller."""
        secret = new_secret(kind, "dagstead")
        self.store.tokens.create(f"another {kind}", kind, secret, grant)
        return {**self.headers, "Dagster-Cloud-Api-Token": secret}


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    """A server with the deployments prod and staging, and bodies of at most 1 MiB."""
    folder: Path = tmp_path_factory.mktemp("wire")
    clock = ManualClock()
    secret = new_secret(TokenKind.AGENT, "dagstead")
    headers = {"Dagster-Cloud-Api-Token": secret, "Dagster-Cloud-Deployment": "prod"}
    with socket.create_server(("127.0.0.1", 0)) as listener:
        flags = {"data": folder, "max_body_mb": 1, "port": listener.getsockname()[1]}
        settings = load_settings(flags, environment={}).settings
        store = empty_store(folder, clock, file="dagstead.db")
        for name in ("prod", "staging"):
            store.deployments.create(name)
        store.tokens.create("an agent", TokenKind.AGENT, secret, Grant())
        instances = open_instances(settings, store)
        app = app_of(settings, instances, environment=SECRETS)
        server = PromptServer(server_config(settings, app))
        with (
            served(server, listener),
            httpx.Client(
                base_url=settings.base_url,
                verify=certificates_for(settings.base_url),
                trust_env=False,
                timeout=60,
            ) as client,
        ):
            yield Wire(
                control=instances.control, client=client, store=store, clock=clock, headers=headers
            )
        instances.close()
        store.close()
