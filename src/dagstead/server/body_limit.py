"""Bodies that are too large: refused by the length that is announced, and that arrives.

Those that are kept in memory share what there is.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from anyio import move_on_after
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dagstead.control.memory import MemoryBudget, MemoryBusyError
from dagstead.errors import InvalidInputError, TooLargeError
from dagstead.plane.blobs import BLOBS_PATH
from dagstead.plane.registry import REGISTRY_PATH
from dagstead.server.authentication import is_public
from dagstead.server.replies import reply

logger = logging.getLogger(__name__)

MEBIBYTE = 1024 * 1024

#: A client that is still sending does not read: closing on it makes it see a broken connection
#: instead of the 413 that the agent's heartbeats depend on. So the rest is read and thrown away,
#: up to this much.
_DRAIN_FACTOR = 10
_DRAIN_SECONDS = 30.0

#: Bodies up to this are never refused for want of memory: polls, heartbeats, most events. Whoever
#: has no token cannot send more.
_SMALL_BYTES = 65_536
#: While a body is put together from its pieces, decoded and read, there are so many of it.
_COPIES = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class BodyLimits:
    """How large bodies may be, in bytes."""

    #: Of an ordinary request.
    body: int
    #: Of a file that is put to a signed address.
    file: int
    #: Of a layer of an image.
    layer: int

    def of(self, path: str) -> int:
        """The limit for the requests to a path."""
        if path.startswith(BLOBS_PATH):
            return self.file
        if path.startswith(REGISTRY_PATH):
            return self.layer
        return min(self.body, _SMALL_BYTES) if is_public(path) else self.body


class BodyLimitMiddleware:
    """Answers 413 to a body larger than the limit of its path."""

    def __init__(self, app: ASGIApp, limits: BodyLimits, memory: MemoryBudget) -> None:
        """Wrap ``app``.

        Args:
            app: what to call.
            limits: of bodies.
            memory: for bodies that are not files.
        """
        self._app = app
        self._limits = limits
        self._memory = memory

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_file = scope["path"].startswith((BLOBS_PATH, REGISTRY_PATH))
        limit = self._limits.of(scope["path"])
        announced = Headers(scope=scope).get("content-length", "0")
        if not announced.isdecimal():
            error = InvalidInputError(f"Content-Length is {announced!r}: it must be a number.")
            await reply(error, scope)(scope, receive, send)
            return
        counted = _CountedRequest(scope, receive, send, limit, None if is_file else self._memory)
        if int(announced) > limit:
            await counted.refuse()
            return
        try:
            await self._app(scope, counted.receive, counted.send)
        except Exception:
            # Most likely the application's own complaint about the body that was cut off.
            if not counted.is_refused:
                raise
        finally:
            counted.give_back()
        if counted.is_refused:
            await counted.refuse()


class _CountedRequest:
    """One request, whose body is counted while the application reads it."""

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        limit: int,
        memory: MemoryBudget | None,
    ) -> None:
        self._scope = scope
        self._memory = memory
        self._taken = 0
        self._busy: MemoryBusyError | None = None
        self._receive = receive
        self._send = send
        self._limit = limit
        self._read = 0
        self._body_ended = False
        self._started = False

    @property
    def is_refused(self) -> bool:
        """Whether the body proved too large before anything was answered."""
        return self._is_cut_off() and not self._started

    def _is_too_large(self) -> bool:
        return self._read > self._limit

    def _is_cut_off(self) -> bool:
        return self._is_too_large() or self._busy is not None

    def give_back(self) -> None:
        """Return the memory that the body had."""
        if self._memory is not None:
            self._memory.give_back(self._taken)
        self._taken = 0

    async def receive(self) -> Message:
        """The next part of the body, or the news that the client has gone."""
        if not self._is_cut_off():
            message = await self._take()
            self._account()
            if not self._is_cut_off():
                return message
        # The application sees a client that hung up half-way, so it keeps nothing.
        return {"type": "http.disconnect"}

    def _account(self) -> None:
        missing = self._read * _COPIES - self._taken
        if self._memory is None or self._read <= _SMALL_BYTES or missing <= 0:
            return
        try:
            self._memory.take(missing, held=self._taken)
        except MemoryBusyError as error:
            self._busy = error
        else:
            self._taken += missing

    async def send(self, message: Message) -> None:
        """Pass on what the application answers, unless it answers to a body that was cut off."""
        if self.is_refused:
            return
        self._started = True
        await self._send(message)

    async def refuse(self) -> None:
        """Answer 413 or 429, after having taken what the client is still sending."""
        with move_on_after(_DRAIN_SECONDS):
            while not self._body_ended and self._read < self._limit * _DRAIN_FACTOR:
                await self._take()
        error = self._busy or self._too_large()
        await reply(error, self._scope)(self._scope, self._receive, self._send)

    def _too_large(self) -> TooLargeError:
        return TooLargeError(
            f"The body is larger than {self._limit / MEBIBYTE:g} MiB, the most that this server "
            f"takes here. Send less{self._raising()}."
        )

    def _raising(self) -> str:
        path = self._scope["path"]
        if path.startswith(BLOBS_PATH):
            return ", or raise max_file_mb on the server"
        if path.startswith(REGISTRY_PATH):
            return ", or raise max_layer_mb on the server"
        return "" if is_public(path) else ", or raise max_body_mb on the server"

    async def _take(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._read += len(message.get("body", b""))
            self._body_ended = not message.get("more_body", False)
        else:
            self._body_ended = True
        return message
