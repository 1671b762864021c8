"""Bodies that are too large: refused by the length that is announced, and that arrives."""

from __future__ import annotations

import logging

from anyio import move_on_after
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dagstead.errors import InvalidInputError, TooLargeError
from dagstead.plane.blobs import BLOBS_PATH
from dagstead.server.replies import reply

logger = logging.getLogger(__name__)

MEBIBYTE = 1024 * 1024

#: A client that is still sending does not read: closing on it makes it see a broken connection
#: instead of the 413 that the agent's heartbeats depend on. So the rest is read and thrown away,
#: up to this much.
_DRAIN_FACTOR = 10
_DRAIN_SECONDS = 30.0


class BodyLimitMiddleware:
    """Answers 413 to a body larger than the limit of its path."""

    def __init__(self, app: ASGIApp, *, max_body: int, max_file: int) -> None:
        """Wrap ``app``.

        Args:
            app: what to call.
            max_body: bytes of an ordinary body.
            max_file: bytes of a file put to a signed address.
        """
        self._app = app
        self._max_body = max_body
        self._max_file = max_file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._max_file if scope["path"].startswith(BLOBS_PATH) else self._max_body
        announced = Headers(scope=scope).get("content-length", "0")
        if not announced.isdecimal():
            error = InvalidInputError(f"Content-Length is {announced!r}: it must be a number.")
            await reply(error, scope)(scope, receive, send)
            return
        counted = _CountedRequest(scope, receive, send, limit)
        if int(announced) > limit:
            await counted.refuse()
            return
        try:
            await self._app(scope, counted.receive, counted.send)
        except Exception:
            # Most likely the application's own complaint about the body that was cut off.
            if not counted.is_refused:
                raise
        if counted.is_refused:
            await counted.refuse()


class _CountedRequest:
    """One request, whose body is counted while the application reads it."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._limit = limit
        self._read = 0
        self._body_ended = False
        self._started = False

    @property
    def is_refused(self) -> bool:
        """Whether the body proved too large before anything was answered."""
        return self._is_too_large() and not self._started

    def _is_too_large(self) -> bool:
        return self._read > self._limit

    async def receive(self) -> Message:
        """The next part of the body, or the news that the client has gone."""
        if self._is_too_large():
            return {"type": "http.disconnect"}
        message = await self._take()
        if self._is_too_large():
            # The application sees a client that hung up half-way, so it keeps nothing.
            return {"type": "http.disconnect"}
        return message

    async def send(self, message: Message) -> None:
        """Pass on what the application answers, unless it answers to a cut-off body."""
        if self.is_refused:
            return
        self._started = True
        await self._send(message)

    async def refuse(self) -> None:
        """Answer 413, after having taken what the client is still sending."""
        with move_on_after(_DRAIN_SECONDS):
            while not self._body_ended and self._read < self._limit * _DRAIN_FACTOR:
                await self._take()
        error = TooLargeError(
            f"The body is larger than {self._limit // MEBIBYTE} MiB, the most that this server "
            f"takes here. Send less, or raise {self._setting()} on the server."
        )
        await reply(error, self._scope)(self._scope, self._receive, self._send)

    def _setting(self) -> str:
        is_file = self._scope["path"].startswith(BLOBS_PATH)
        return "max_file_mb" if is_file else "max_body_mb"

    async def _take(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._read += len(message.get("body", b""))
            self._body_ended = not message.get("more_body", False)
        else:
            self._body_ended = True
        return message
