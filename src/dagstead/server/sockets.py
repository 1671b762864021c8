"""Websockets end with the token or the session that opened them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

from anyio import CancelScope
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dagstead.control.bell import Listener
from dagstead.errors import DagsteadError, StoreAwayError
from dagstead.plane.tokens import Token

logger = logging.getLogger(__name__)

#: How often the token of an open socket is looked at, if nothing rings.
LOOK_SECONDS = 60.0

POLICY_VIOLATION = 1008
#: What a frame that closes a socket has room for.
_REASON_BYTES = 123


def close_reason(text: str) -> str:
    """As much of a sentence as fits."""
    return text.encode()[:_REASON_BYTES].decode(errors="ignore")


@dataclass(slots=True)
class WatchedSocket:
    """One websocket, whose caller is recognised again before every message, and every minute."""

    receive: Receive
    send: Send
    #: Raises when the token is no longer valid.
    recognise: Callable[[], Awaitable[Token]]
    look_seconds: float = LOOK_SECONDS
    _has_ended: bool = False
    _is_closed: bool = False
    #: While the application waits for a message.
    _reading: CancelScope | None = field(default=None)

    async def serve(self, app: ASGIApp, scope: Scope, listener: Listener) -> None:
        """Let an application answer, for as long as the token is valid.

        Args:
            app: the application.
            scope: of the connection.
            listener: rings when a token or a session has ended.
        """
        watching = asyncio.create_task(self._watch(listener))
        try:
            await app(scope, self._receive, self._send)
        finally:
            watching.cancel()

    async def _watch(self, listener: Listener) -> None:
        while not self._has_ended:
            await listener.wait_async(self.look_seconds)
            await self._look()

    async def _look(self) -> None:
        try:
            await self.recognise()
        except StoreAwayError as error:
            # Nothing says that it has ended. The next look will.
            logger.debug("Could not look at the token of a socket: %s", error.reason)
        except DagsteadError as error:
            await self._end(error.message)

    async def _end(self, reason: str) -> None:
        if self._has_ended:
            return
        self._has_ended = True
        # The browser may have gone in the meantime.
        with suppress(OSError, RuntimeError):
            await self._send(
                {
                    "type": "websocket.close",
                    "code": POLICY_VIOLATION,
                    "reason": close_reason(reason),
                }
            )
        if self._reading is not None:
            self._reading.cancel()

    async def _receive(self) -> Message:
        message = await self._next()
        if message["type"] == "websocket.receive":
            await self._look()
        # The application then ends its subscriptions, as when the browser has gone.
        return _GONE if self._has_ended else message

    async def _next(self) -> Message:
        if not self._has_ended:
            with CancelScope() as self._reading:
                return await self.receive()
        return _GONE

    async def _send(self, message: Message) -> None:
        # A subscription may still have something to say.
        if self._is_closed:
            return
        self._is_closed = message["type"] == "websocket.close"
        await self.send(message)


_GONE: Message = {"type": "websocket.disconnect", "code": POLICY_VIOLATION}
