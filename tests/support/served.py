"""A web server in a thread of the test."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import graphene
import pytest
import uvicorn
from dagster_graphql.schema import create_schema
from starlette.applications import Starlette

from dagstead.engine.instances import Instances
from dagstead.operator_api import schema
from dagstead.server.app import create_app
from dagstead.server.settings import Settings
from dagstead.testing import eventually


def app_of(settings: Settings, instances: Instances, **more: Any) -> Starlette:
    """The whole application; open-source Dagster's half of its schema is made once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schema, "create_open_source_schema", _open_source_schema)
        return create_app(settings, instances, **more)


def _open_source_schema() -> graphene.Schema:
    copied = graphene.Schema.__new__(graphene.Schema)
    vars(copied).update(vars(_made_schema()))
    return copied


@cache
def _made_schema() -> graphene.Schema:
    return create_schema()


class PromptServer(uvicorn.Server):
    """It looks ten times as often as others whether it should end."""

    async def main_loop(self) -> None:
        """Run until then."""
        tick = 0
        while not await self.on_tick(tick):
            tick += 1
            await asyncio.sleep(0.01)


@contextmanager
def served(server: uvicorn.Server, listener: socket.socket) -> Iterator[None]:
    """Serve what connects to the listener, until the end of the block."""
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    eventually(lambda: server.started, 30, "the server to listen")
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()
