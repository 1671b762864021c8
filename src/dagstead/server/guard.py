"""The outermost layer: a line in the log for every request, and no traceback to any caller."""

from __future__ import annotations

import logging
import time
from http import HTTPStatus

from starlette.requests import ClientDisconnect, HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from dagstead.errors import DagsteadError, StoreAwayError, report_unexpected
from dagstead.plane.tokens import Token, TokenKind, is_of_agents
from dagstead.server.authentication import refuse, secret_of
from dagstead.server.health import PATH, WHOLE_PATH
from dagstead.server.replies import WaitLimits, sentence, wait_reply
from dagstead.store.away import away_of

logger = logging.getLogger(__name__)

_INTERNAL_ERROR = 1011
_WAIT_LIMITS = WaitLimits()


class GuardMiddleware:
    """Logs requests without their queries, and turns what went wrong into an answer."""

    def __init__(self, app: ASGIApp, limits: WaitLimits = _WAIT_LIMITS) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send)
        began = time.perf_counter()
        try:
            await self._app(scope, receive, answer.send)
            await answer.flush()
        except (ClientDisconnect, WebSocketDisconnect, _GoneError):
            # Nobody is there to be answered.
            logger.debug("The caller of %s has gone", scope["path"])
        except Exception as error:  # noqa: BLE001 - every request gets an answer
            away = away_of(error)
            if away is None:
                await _answer_failure(error, scope, receive, answer)
            else:
                await self._answer_away(away, scope, receive, answer)
        if scope["type"] == "http":
            _log(scope, answer.status, time.perf_counter() - began)

    async def _answer_away(
        self, error: StoreAwayError, scope: Scope, receive: Receive, answer: _Answer
    ) -> None:
        logger.warning("The store is away, asked by %s: %s", scope["path"], error.reason)
        if not answer.can_refuse(scope):
            return
        if scope["type"] == "http" and _is_of_agent(HTTPConnection(scope)):
            response = wait_reply(error, self._limits)
            await response(scope, receive, answer.send_now)
        else:
            await refuse(error, scope, receive, answer.send_now)


def _is_of_agent(connection: HTTPConnection) -> bool:
    """Whether an agent or one of its workers calls; who it is, only the store knows."""
    return is_of_agents(secret_of(connection) or "")


async def _answer_failure(
    error: Exception, scope: Scope, receive: Receive, answer: _Answer
) -> None:
    if isinstance(error, DagsteadError):
        if not answer.started:
            await refuse(error, scope, receive, answer.send_now)
    else:
        await _apologise(error, scope, receive, answer)


async def _apologise(error: Exception, scope: Scope, receive: Receive, answer: _Answer) -> None:
    text = report_unexpected(error, scope["path"], logger)
    if not answer.can_refuse(scope):
        return
    if scope["type"] == "websocket":
        await answer.send_now({"type": "websocket.close", "code": _INTERNAL_ERROR})
        return
    await sentence(text, HTTPStatus.INTERNAL_SERVER_ERROR, scope)(scope, receive, answer.send_now)


class _GoneError(ConnectionError):
    """A websocket takes no more messages, although nobody here has closed it.

    The server below closes it by itself when a frame of the caller's breaks the protocol; Starlette
    takes an ``OSError`` for a caller that has gone.
    """


class _Answer:
    """Holds back an answer of status 500 until it is known whether an exception caused it.

    Applications below answer a fault with a text of their own and then raise its exception.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._held: list[Message] = []
        self.status = 0
        self.started = False
        self.closed = False

    def can_refuse(self, scope: Scope) -> bool:
        """Whether there is still a way to say that something went wrong."""
        return not (self.closed if scope["type"] == "websocket" else self.started)

    async def send(self, message: Message) -> None:
        """Pass a message on, or hold it."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
        if self.status == HTTPStatus.INTERNAL_SERVER_ERROR and not self.started:
            self._held.append(message)
            return
        await self.send_now(message)

    async def send_now(self, message: Message) -> None:
        """Pass a message on."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
        self.started = True
        if not message["type"].startswith("websocket."):
            await self._send(message)
            return
        was_closed = self.closed
        self.closed = was_closed or message["type"] == "websocket.close"
        try:
            await self._send(message)
        except (OSError, RuntimeError) as error:
            if was_closed:
                raise
            self.closed = True
            raise _GoneError from error

    async def flush(self) -> None:
        """Pass on what was held: no exception came, and nobody has answered in another way."""
        if self.started:
            return
        for message in self._held:
            await self.send_now(message)


def _log(scope: Scope, status: int, seconds: float) -> None:
    token: Token | None = scope.get("state", {}).get("token")
    level = logging.DEBUG if _is_routine(scope, token, status) else logging.INFO
    logger.log(
        level,
        "%s %s %s %d ms, %s",
        scope["method"],
        scope["path"],
        status or "no answer",
        seconds * 1000,
        f"token {token.id} {token.name!r}" if token else "no token",
    )


def _is_routine(scope: Scope, token: Token | None, status: int) -> bool:
    """Whether a request is one of those that come several times a second."""
    if status >= HTTPStatus.BAD_REQUEST:
        return False
    is_poll = token is not None and token.kind is not TokenKind.USER
    return is_poll or scope["path"] in {PATH, WHOLE_PATH}
