"""GraphQL over websockets: what the UI follows, as the protocol ``graphql-ws`` of Apollo.

https://github.com/apollographql/subscriptions-transport-ws/blob/master/PROTOCOL.md
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from dagster_webserver.graphql import GraphQLWS
from graphql import GraphQLFormattedError
from starlette.websockets import (
    WebSocket,
    WebSocketDisconnect,
    WebSocketDisconnected,
    WebSocketState,
)

from dagstead.errors import DagsteadError, InvalidInputError, report_unexpected
from dagstead.plane.texts import is_suspicious, require_storable_values
from dagstead.plane.tokens import Token

logger = logging.getLogger(__name__)

#: A page of the UI has a handful.
MOST_OF_A_SOCKET = 50
#: Of all sockets that were opened with one token.
MOST_OF_A_TOKEN = 1_000

_POLICY_VIOLATION = 1008
_MOST_REASON = 120

#: Starts a subscription of an operation; gives its task, or why there is none.
Start: TypeAlias = Callable[
    ["Subscription"], Awaitable[tuple[asyncio.Task[None] | None, GraphQLFormattedError | None]]
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Subscription:
    """What a client wants to follow."""

    id: str
    query: str
    variables: dict[str, Any] | None
    operation_name: str | None


@dataclass(frozen=True, slots=True)
class SubscriptionCounts:
    """The subscriptions of every token, on all sockets of this process; for the event loop."""

    _open: Counter[int] = field(default_factory=Counter)

    def add(self, token_id: int) -> None:
        """Count one that begins.

        Raises:
            InvalidInputError: when there are too many.
        """
        if self._open[token_id] >= MOST_OF_A_TOKEN:
            msg = f"Your token has {MOST_OF_A_TOKEN} subscriptions open. Close some pages."
            raise InvalidInputError(msg)
        self._open[token_id] += 1

    def remove(self, token_id: int) -> None:
        """Count one that has ended."""
        self._open[token_id] -= 1
        if not self._open[token_id]:
            del self._open[token_id]


class GraphQLSocket:
    """One socket, from its opening to its end."""

    def __init__(self, socket: WebSocket, start: Start, counts: SubscriptionCounts) -> None:
        token: Token | None = socket.scope.get("state", {}).get("token")
        self._token_id = 0 if token is None else token.id
        self._socket = socket
        self._start = start
        self._counts = counts
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def serve(self) -> None:
        """Answer until one side closes, or the client sends what is not of the protocol."""
        await self._socket.accept(subprotocol=GraphQLWS.PROTOCOL.value)
        try:
            while self._is_open():
                await self._take(_message(await self._socket.receive()))
        except (WebSocketDisconnect, WebSocketDisconnected):
            # One side has closed it, maybe while a message was on its way.
            pass
        except InvalidInputError as error:
            with suppress(WebSocketDisconnect, RuntimeError):
                await self._socket.close(_POLICY_VIOLATION, error.message[:_MOST_REASON])
        finally:
            for task in self._tasks.values():
                task.cancel()

    def _is_open(self) -> bool:
        states = {self._socket.client_state, self._socket.application_state}
        return WebSocketState.DISCONNECTED not in states

    async def _take(self, message: Mapping[str, Any]) -> None:
        match message.get("type"):
            case GraphQLWS.CONNECTION_INIT.value:
                await self._socket.send_json({"type": GraphQLWS.CONNECTION_ACK.value})
            case GraphQLWS.CONNECTION_TERMINATE.value:
                await self._socket.close()
            case GraphQLWS.START.value:
                await self._subscribe(message)
            case GraphQLWS.STOP.value:
                task = self._tasks.get(str(message.get("id")))
                if task is not None:
                    task.cancel()
            case _:
                # Upstream ignores what it does not know, and a newer UI may send it.
                pass

    async def _subscribe(self, message: Mapping[str, Any]) -> None:
        wanted = _subscription(message)
        if wanted.id in self._tasks:
            return
        try:
            self._require_room()
            self._counts.add(self._token_id)
        except InvalidInputError as error:
            await self._refuse(wanted, {"message": error.message})
            return
        task = None
        try:
            task, refusal = await self._start(wanted)
        except DagsteadError as error:
            refusal = {"message": error.message}
        finally:
            if task is None:
                self._counts.remove(self._token_id)
        if task is None:
            await self._refuse(wanted, refusal or {"message": "There is nothing to follow."})
            return
        self._tasks[wanted.id] = task
        task.add_done_callback(lambda ended: self._ended(wanted.id, ended))

    def _require_room(self) -> None:
        if len(self._tasks) >= MOST_OF_A_SOCKET:
            msg = f"This socket has {MOST_OF_A_SOCKET} subscriptions, which is the most."
            raise InvalidInputError(msg)

    def _ended(self, operation_id: str, task: asyncio.Task[None]) -> None:
        del self._tasks[operation_id]
        self._counts.remove(self._token_id)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception) and not isinstance(error, WebSocketDisconnect):
            report_unexpected(error, "a subscription", logger)

    async def _refuse(self, wanted: Subscription, error: GraphQLFormattedError) -> None:
        answer = {"type": GraphQLWS.ERROR.value, "id": wanted.id, "payload": error}
        await self._socket.send_json(answer)


def _message(event: Mapping[str, Any]) -> Mapping[str, Any]:
    if event["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(event.get("code", 1000))
    text = event.get("text")
    try:
        message = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict):
        msg = "A message is one JSON object, as text."
        raise InvalidInputError(msg)
    if is_suspicious(text or ""):
        require_storable_values(message)
    return message


def _subscription(message: Mapping[str, Any]) -> Subscription:
    payload = message.get("payload")
    if not isinstance(payload, dict):
        payload = {}
    query, variables = payload.get("query"), payload.get("variables")
    name = payload.get("operationName")
    operation_id = message.get("id")
    if (
        not isinstance(operation_id, str | int)
        or not isinstance(query, str)
        or not isinstance(variables, dict | None)
        or not isinstance(name, str | None)
    ):
        msg = "A subscription has an 'id', and a 'payload' with 'query' and 'variables'."
        raise InvalidInputError(msg)
    return Subscription(id=str(operation_id), query=query, variables=variables, operation_name=name)
