"""``POST /oidc/token``: where CI logs in. It needs no token, so it has limits of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dagstead.errors import (
    ForbiddenError,
    InvalidInputError,
    TooLargeError,
    UnauthenticatedError,
)
from dagstead.plane.clock import Clock
from dagstead.server.ci_login import CiLogin
from dagstead.server.issuer_keys import MOST_WAITING
from dagstead.server.throttle import Throttle, address_of, client_of

OIDC_PATH = "/oidc/token"

#: CI tokens have one or two kilobytes.
_MOST_BYTES = 16 << 10
#: Logins at one time: some may have to wait for slow issuers, others must not wait for those.
_THREADS = 4 * MOST_WAITING
#: Of one address in a minute. A whole company, or all who come by a proxy, may have one: whoever
#: has a valid token is let in, whatever others have sent.
_MOST_FAILURES = 120


def failed_logins(clock: Clock) -> Throttle:
    """How often an address may fail."""
    return Throttle(clock=clock, most=_MOST_FAILURES, what="CI logins that failed")


@dataclass(frozen=True, kw_only=True, slots=True)
class OidcEndpoint:
    """Answers."""

    login: CiLogin
    failures: Throttle
    _limiter: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(_THREADS))

    def route(self) -> Route:
        """Where it is."""
        return Route(OIDC_PATH, self.post, methods=["POST"])

    async def post(self, request: Request) -> Response:
        """Exchange ``{"token": …, "deployment": …}``; the second may be left out.

        Raises:
            DagsteadError: with the reason.
        """
        try:
            return await self._exchange(request)
        except (InvalidInputError, UnauthenticatedError, ForbiddenError):
            self.failures.count(address_of(request.scope))
            raise

    async def _exchange(self, request: Request) -> Response:
        body = await _body(request)
        text, deployment = _text(body, "token"), body.get("deployment")
        if not isinstance(deployment, str | None):
            msg = "'deployment' must be a name."
            raise InvalidInputError(msg)
        issued = await to_thread.run_sync(
            self.login.exchange,
            text,
            deployment,
            client_of(request.scope),
            limiter=self._limiter,
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
