"""Connections that keep the server waiting: each has a time limit, and all together have a number.

A client that sends half a request costs a file descriptor and memory until it is sent away. uvicorn
has a limit for the pause between two requests only.
"""

from __future__ import annotations

import asyncio
import logging
import resource
from collections import OrderedDict
from dataclasses import dataclass, field
from enum import Enum
from http import HTTPStatus
from typing import Any, Final

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)
from uvicorn.server import ServerState

from dagstead.server.headers import RAW_HEADERS
from dagstead.server.joined_writes import JoinedWrites

logger = logging.getLogger(__name__)

#: Files that are no connections: databases, uploads, static files.
_OTHER_FILES_SHARE: Final = 4
#: 16 bytes in base64.
_KEY_CHARACTERS: Final = 24
#: Enough for every server of this kind; what the system would allow may be a billion.
_MOST_FILES: Final = 65_536


@dataclass(frozen=True, kw_only=True, slots=True)
class ConnectionLimits:
    """How long clients may take, in seconds, and how much they may send before they are known."""

    #: From the first byte of a request, or from connecting, to the end of its head.
    head_seconds: float = 20.0
    #: Request line and headers together. Cookies of other services on the same host come along.
    head_bytes: int = 65_536
    #: In every such period, at least so many bytes of a body must come, or its end. What counts is
    #: progress: an upload of a large file may take hours.
    body_seconds: float = 30.0
    body_bytes: int = 4_096
    #: Between two requests.
    idle_seconds: float = 75.0
    #: In every such period something of an answer must leave. Systems keep megabytes on the way, so
    #: that a slow reader takes nothing for a while.
    answer_seconds: float = 300.0
    #: How often they are looked at.
    look_seconds: float = 1.0
    #: Open at one time.
    most: int = 4_000


class _Reading(Enum):
    """What a connection is expected to send."""

    NOTHING = "the next request, if any"
    HEAD = "the rest of a request's head"
    BODY = "the rest of a request's body"


@dataclass(slots=True)
class Connections:
    """All open connections of a server, and which of them it waits for."""

    limits: ConnectionLimits
    #: In the order of their last sign of life, the longest silent first.
    _sending: OrderedDict[BoundedProtocol, None] = field(default_factory=OrderedDict)
    _idle: OrderedDict[BoundedProtocol, None] = field(default_factory=OrderedDict)
    _answered: set[BoundedProtocol] = field(default_factory=set)
    _timer: asyncio.TimerHandle | None = None

    def waits_for(self, connection: BoundedProtocol, *, idle: bool) -> None:
        """Note that a connection has to send something, or may."""
        self.forget(connection)
        (self._idle if idle else self._sending)[connection] = None
        if self._timer is None:
            self._look_later(connection.loop)

    def came(self, connection: BoundedProtocol) -> None:
        """Note that a part of a body has come."""
        if connection in self._sending:
            self._sending.move_to_end(connection)

    def answers(self, connection: BoundedProtocol) -> None:
        """Note that a whole request has come, so that it is the server's turn."""
        self.forget(connection)
        self._answered.add(connection)

    def forget(self, connection: BoundedProtocol) -> None:
        """Note that a connection is gone, or no longer HTTP."""
        self._sending.pop(connection, None)
        self._idle.pop(connection, None)
        self._answered.discard(connection)

    def make_room(self, number: int) -> bool:
        """Send away whoever was silent longest, if there are too many; whether there is room.

        A client whose request is being answered, or who is sending, is never sent away for another.

        Args:
            number: of the open connections, with the new one.
        """
        if number <= self.limits.most:
            return True
        for waiting in (self._sending, self._idle):
            if waiting:
                longest, _ = waiting.popitem(last=False)
                longest.give_up()
                return True
        return False

    def _look_later(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = loop.call_later(self.limits.look_seconds, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now = loop.time()
        for connection in (*self._sending, *self._idle, *self._answered):
            connection.look(now)
        if self._sending or self._idle or self._answered:
            self._look_later(loop)


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol of HTTP/1.1, for clients that take too long or send too much."""

    #: Of the server; a class of its own has it, since uvicorn makes the protocols.
    register: Connections

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._limits = self.register.limits
        self._reading = _Reading.NOTHING
        #: Requests whose answers are not complete, the first one first: a client may send the next
        #: ones before it has the answer.
        self._cycles: list[RequestResponseCycle] = []
        self._since = 0.0
        self._received = 0
        self._stuck_since: float | None = None
        self._unsent = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a new client in, or send it away when there are too many."""
        super().connection_made(transport)
        if not self.register.make_room(len(self.connections)):
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "This server has too many connections.")
            return
        self._expect(_Reading.HEAD)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client."""
        self.register.forget(self)
        self._end_requests()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read a part of a request."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        # One header may come without an end, and is only then seen by the parser's callbacks.
        if self._reading is _Reading.HEAD and self.parser is not None:
            self._received += len(data)
            if self._received > self._limits.head_bytes:
                self._refuse(
                    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The headers are too large."
                )

    def handle_websocket_upgrade(self) -> None:
        """Hand a socket over: its protocol has pings of its own, and bare answers."""
        if not self._begins_socket():
            self._send_away(HTTPStatus.BAD_REQUEST, "This is not how a websocket begins.")
            return
        self.register.forget(self)
        super().handle_websocket_upgrade()

    def on_message_begin(self) -> None:
        """Expect a head within its time."""
        super().on_message_begin()
        if self._reading is not _Reading.HEAD:
            self._expect(_Reading.HEAD)

    def on_headers_complete(self) -> None:
        """Expect a body."""
        self._expect(_Reading.BODY)
        super().on_headers_complete()
        # None, or an older one, if it is the request for a websocket.
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_complete:
            cycle.transport = JoinedWrites(self.transport, self.loop)  # type: ignore[assignment]
            self._cycles.append(cycle)

    def on_body(self, body: bytes) -> None:
        """Count a part of a body."""
        self._received += len(body)
        self.register.came(self)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Expect nothing while the request is answered."""
        super().on_message_complete()
        self._reading = _Reading.NOTHING
        self._stuck_since, self._unsent = None, 0
        if self._is_answering:
            self.register.answers(self)
        else:
            self._expect(_Reading.NOTHING)

    def on_response_complete(self) -> None:
        """Expect the next request, some time."""
        self._cycles = [each for each in self._cycles if not each.response_complete]
        super().on_response_complete()
        if self._reading is _Reading.NOTHING and not self._is_answering:
            self._expect(_Reading.NOTHING)

    def look(self, now: float) -> None:
        """End the connection if it has taken too long."""
        if self.transport.is_closing():
            # It is flushing what the client does not take.
            self._look_at_answer(now)
        elif self._reading is _Reading.HEAD:
            if now - self._since > self._limits.head_seconds:
                self.give_up()
        elif self._reading is _Reading.BODY:
            self._look_at_body(now)
        elif self._is_answering:
            self._look_at_answer(now)
        elif now - self._since > self._limits.idle_seconds:
            self.give_up()

    def give_up(self) -> None:
        """Send the client away: with a word, if it is in the middle of a request."""
        if self._reading is _Reading.NOTHING:
            self.transport.close()
        else:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "The request did not come to its end in time.")

    def _begins_socket(self) -> bool:
        given = dict(self.headers)
        return (
            self.scope["method"] == "GET"
            and given.get(b"sec-websocket-version") == b"13"
            and len(given.get(b"sec-websocket-key", b"")) == _KEY_CHARACTERS
        )

    @property
    def _is_answering(self) -> bool:
        return bool(self._cycles)

    def _expect(self, reading: _Reading) -> None:
        self._reading = reading
        self._since = self.loop.time()
        self._received = 0
        self.register.waits_for(self, idle=reading is _Reading.NOTHING)

    def _look_at_body(self, now: float) -> None:
        if now - self._since < self._limits.body_seconds:
            return
        # While the server does not read, the client cannot send.
        if self._received < self._limits.body_bytes and not self.flow.read_paused:
            self.give_up()
            return
        self._since = now
        self._received = 0

    def _look_at_answer(self, now: float) -> None:
        unsent = self.transport.get_write_buffer_size()
        if not unsent or unsent < self._unsent or self._stuck_since is None:
            self._stuck_since = now
        elif now - self._stuck_since > self._limits.answer_seconds:
            self.transport.abort()
        self._unsent = unsent

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP."""
        self._send_away(HTTPStatus.BAD_REQUEST, msg)

    def _refuse(self, status: HTTPStatus, text: str) -> None:
        # Browsers connect before they have a request; an answer to none would confuse them.
        is_asked = self._received > 0 or self._reading is not _Reading.HEAD
        self._send_away(status, text, answers=is_asked)

    def _send_away(self, status: HTTPStatus, text: str, *, answers: bool = True) -> None:
        if answers and not any(each.response_started for each in self._cycles):
            lines = (
                STATUS_LINE[status],
                b"content-type: text/plain; charset=utf-8\r\n",
                f"content-length: {len(text)}\r\n".encode(),
                RAW_HEADERS,
                b"connection: close\r\n\r\n",
                text.encode(),
            )
            self.transport.write(b"".join(lines))
        logger.debug("Sent %s away: %s", self.client, text)
        self._end_requests()
        self.transport.close()

    def _end_requests(self) -> None:
        """Have applications hear that the client has gone; uvicorn says so to the newest only."""
        for cycle in self._cycles:
            cycle.disconnected = True
            cycle.message_event.set()


def bounded_protocol(limits: ConnectionLimits) -> type[asyncio.Protocol]:
    """What uvicorn makes for every connection of one server."""
    return type("BoundedProtocol", (BoundedProtocol,), {"register": Connections(limits)})


def allow_files() -> int:
    """Let this process open as many files as the system allows; returns how many that are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        return most
    return most if soft == resource.RLIM_INFINITY else soft


def connections_within(most: int, files: int) -> int:
    """How many connections there may be, so that files can still be opened."""
    return min(most, files - files // _OTHER_FILES_SHARE)
