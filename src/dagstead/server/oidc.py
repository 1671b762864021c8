"""``POST /oidc/token``: where CI logs in. It needs no token, so it has limits of its own."""

from __future__ import annotations

import json
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dagstead.errors import BusyError, InvalidInputError, TooLargeError
from dagstead.plane.clock import Clock
from dagstead.server.ci_login import CiLogin

OIDC_PATH = "/oidc/token"

#: CI tokens have one or two kilobytes.
_MOST_BYTES = 16 << 10
#: Logins at one time: they may have to wait for slow issuers.
_THREADS = 4
_MOST_A_MINUTE = 120
_MINUTE = 60.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Throttle:
    """Limits the logins per minute, for the whole server process."""

    clock: Clock
    most: int = _MOST_A_MINUTE
    _times: deque[float] = field(default_factory=deque)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def enter(self) -> None:
        """Count a login.

        Raises:
            BusyError: when there have been too many.
        """
        with self._lock:
            now = self.clock()
            while self._times and now - self._times[0] >= _MINUTE:
                self._times.popleft()
            if len(self._times) >= self.most:
                msg = f"There were {self.most} CI logins in a minute. Try again in a few seconds."
                raise BusyError(msg)
            self._times.append(now)


@dataclass(frozen=True, kw_only=True, slots=True)
class OidcEndpoint:
    """Answers."""

    login: CiLogin
    throttle: Throttle
    _limiter: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(_THREADS))

    def route(self) -> Route:
        """Where it is."""
        return Route(OIDC_PATH, self.post, methods=["POST"])

    async def post(self, request: Request) -> Response:
        """Exchange ``{"token": …, "deployment": …}``; the second may be left out.

        Raises:
            DagsteadError: with the reason.
        """
        self.throttle.enter()
        body = await _body(request)
        text, deployment = _text(body, "token"), body.get("deployment")
        if not isinstance(deployment, str | None):
            msg = "'deployment' must be a name."
            raise InvalidInputError(msg)
        issued = await to_thread.run_sync(
            self.login.exchange, text, deployment, limiter=self._limiter
        )
        token = issued.token
        answer = {
            "token": issued.secret,
            "name": token.name,
            "expires_at": token.expires_at,
            # By this server's clock: the job's may differ.
            "expires_in": (token.expires_at or 0) - token.created_at,
            "deployments": sorted(token.deployments or ()),
            "branch_deployments": token.branch_deployments,
            "locations": None if token.locations is None else sorted(token.locations),
        }
        return JSONResponse(answer, headers={"Cache-Control": "no-store"})


async def _body(request: Request) -> dict[str, Any]:
    data = b""
    async for piece in request.stream():
        data += piece
        if len(data) > _MOST_BYTES:
            msg = f"A login has at most {_MOST_BYTES} bytes."
            raise TooLargeError(msg)
    try:
        body = json.loads(data)
    except (ValueError, RecursionError) as error:
        msg = "The body is not JSON."
        raise InvalidInputError(msg) from error
    if not isinstance(body, dict):
        msg = "The body must be an object with 'token'."
        raise InvalidInputError(msg)
    return body


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        msg = f"The body must be an object with the text {name!r}."
        raise InvalidInputError(msg)
    return value
