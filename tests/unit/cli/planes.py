"""A control plane that the command line reaches in either way: over HTTP, or in its folder."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dagstead.control.all import Control
from dagstead.plane.clock import Clock
from dagstead.plane.tokens import Grant, Token, TokenKind, new_secret
from dagstead.server.services import open_instances
from dagstead.server.settings import Settings
from dagstead.server.settings_report import report
from dagstead.server.settings_sources import load_settings
from dagstead.server.web import server_config
from dagstead.store.all import Store
from dagstead.testing.clock import ManualClock
from tests.support.served import PromptServer, app_of
from tests.support.served import served as in_a_thread
from tests.support.stores import empty_store


@dataclass(frozen=True, kw_only=True)
class Served:
    """A web server in a thread of the test, and what is behind it."""

    settings: Settings
    store: Store
    control: Control

    @property
    def url(self) -> str:
        return self.settings.base_url

    def token(self, grant: Grant | None = None, kind: TokenKind = TokenKind.USER) -> str:
        """The text of a new token."""
        return self.issued(grant, kind)[1]

    def issued(
        self, grant: Grant | None = None, kind: TokenKind = TokenKind.USER
    ) -> tuple[Token, str]:
        secret = new_secret(kind, self.settings.organization)
        return self.store.tokens.create(f"a {kind}", kind, secret, grant or Grant()), secret


@contextmanager
def served(folder: Path, clock: Clock | None = None) -> Iterator[Served]:
    """A control plane with the deployment prod."""
    folder.mkdir(exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        loaded = load_settings({"data": folder, "port": port}, environment={})
        settings = loaded.settings
        store = empty_store(folder, clock or ManualClock(), file="dagstead.db")
        store.deployments.create("prod")
        instances = open_instances(settings, store)
        app = app_of(settings, instances, environment={}, report=report(loaded))
        server = PromptServer(server_config(settings, app))
        try:
            with in_a_thread(server, listener):
                yield Served(settings=settings, store=store, control=instances.control)
        finally:
            instances.close()
            store.close()
