"""From an error to the wire, for everything that is answered before a surface gets the request."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Scope

from dagstead.errors import (
    BusyError,
    ConflictError,
    DagsteadError,
    ForbiddenError,
    InvalidInputError,
    IssuerError,
    NoAnswerError,
    NotFoundError,
    NotOfferedError,
    StoreAwayError,
    TooLargeError,
    UnauthenticatedError,
)

#: The first class that fits counts, so that subclasses come before their parents.
_STATUS: tuple[tuple[type[DagsteadError], HTTPStatus], ...] = (
    (TooLargeError, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (InvalidInputError, HTTPStatus.BAD_REQUEST),
    (UnauthenticatedError, HTTPStatus.UNAUTHORIZED),
    (ForbiddenError, HTTPStatus.FORBIDDEN),
    (NotFoundError, HTTPStatus.NOT_FOUND),
    # Not 409: official clients take that for a fault that goes away and send the same again.
    (ConflictError, HTTPStatus.BAD_REQUEST),
    (BusyError, HTTPStatus.TOO_MANY_REQUESTS),
    (NotOfferedError, HTTPStatus.NOT_IMPLEMENTED),
    (NoAnswerError, HTTPStatus.GATEWAY_TIMEOUT),
    # Official clients send it again after 1, 2, 4 … 32 seconds; `Retry-After` would replace those.
    (StoreAwayError, HTTPStatus.SERVICE_UNAVAILABLE),
    (IssuerError, HTTPStatus.FAILED_DEPENDENCY),
)

#: Official clients look at the status of these only when the body has no ``errors``: the agent
#: sends a smaller heartbeat after a real 413, and every client tries again after the others.
_SPEAK_BY_STATUS = frozenset(
    {
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.SERVICE_UNAVAILABLE,
    }
)


def reply(error: DagsteadError, scope: Scope) -> Response:
    """The answer to a refused request: GraphQL errors on GraphQL paths, else ``error``."""
    return sentence(error.message, status_of(type(error)), scope, headers=_headers(error))


@dataclass(frozen=True, kw_only=True, slots=True)
class WaitLimits:
    """How long agents and their workers wait for a store that is away, in seconds.

    They ask again after every interval, and do not count: what their clients are told otherwise,
    they send seven times, within 63 seconds (``dagster_cloud_cli/core/graphql_client.py``).
    """

    whole: float = 900.0
    interval: float = 5.0


def wait_reply(error: StoreAwayError, limits: WaitLimits) -> Response:
    """The answer to an agent or a worker while the store is away: an outage ends no run."""
    body = {
        "error": error.message,
        "maintenance": {
            "message": error.message,
            "timeout": limits.whole,
            "retry_interval": limits.interval,
        },
    }
    return JSONResponse(body, status_code=status_of(type(error)))


def status_of(kind: type[DagsteadError]) -> HTTPStatus:
    """The HTTP status of a class of errors."""
    found = (status for base, status in _STATUS if issubclass(kind, base))
    return next(found, HTTPStatus.INTERNAL_SERVER_ERROR)


def sentence(
    text: str, status: HTTPStatus, scope: Scope, *, headers: dict[str, str] | None = None
) -> Response:
    """One sentence in the form of the path that was asked for; a page for a browser."""
    if scope["type"] == "http" and not is_graphql(scope):
        request = Request(scope)
        show = getattr(scope["app"].state, "error_page", None) if "app" in scope else None
        if show is not None and wants_page(request):
            page: Response = show(request, text, status)
            page.headers.update(headers or {})
            return page
    body: dict[str, object] = {"error": text}
    if is_graphql(scope) and status not in _SPEAK_BY_STATUS:
        body = {"errors": [{"message": text}]}
    return JSONResponse(body, status_code=status, headers=headers)


def wants_page(connection: HTTPConnection) -> bool:
    """Whether a browser asks for a page to show."""
    accepted = connection.headers.get("accept", "")
    return connection.scope["method"] == "GET" and "text/html" in accepted


def is_graphql(scope: Scope) -> bool:
    """Whether the path is one of the GraphQL endpoints."""
    path: str = scope["path"]
    return path == "/graphql" or path.endswith("/graphql")


def _headers(error: DagsteadError) -> dict[str, str] | None:
    if isinstance(error, BusyError) and error.retry_after_seconds is not None:
        return {"Retry-After": str(error.retry_after_seconds)}
    if isinstance(error, UnauthenticatedError):
        return {"WWW-Authenticate": "Bearer"}
    return None
