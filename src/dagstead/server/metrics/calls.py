"""HTTP requests of this process, counted by surface and status."""

from __future__ import annotations

from http import HTTPStatus

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import Scope

from dagstead.plane.blobs import BLOBS_PATH
from dagstead.plane.tokens import TokenKind
from dagstead.server.metrics.paths import PATHS

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_KNOWN = frozenset(map(int, HTTPStatus))
_OTHER = -1
_SIGN_IN = frozenset({"sign-in", "sign-out", "oidc"})


class CallMeter:
    """Counts requests; the labels are from short lists, whatever callers send."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register what is counted."""
        self._requests = Counter(
            "dagstead_http_requests",
            "HTTP requests that this process has answered.",
            ["surface", "status"],
            registry=registry,
        )
        self._seconds = Histogram(
            "dagstead_http_request_duration_seconds",
            "Time until the end of an answer, in this process. Polls may be held open.",
            ["surface"],
            registry=registry,
            buckets=_SECONDS,
        )
        #: To look labels up takes longer than to count.
        self._children: dict[tuple[str, int], tuple[Counter, Histogram]] = {}

    def count(self, scope: Scope, status: int, seconds: float) -> None:
        """Count a request that has ended; a status of 0 is that nobody was there to be answered."""
        surface = surface_of(scope)
        shown = status if status in _KNOWN or status == 0 else _OTHER
        counters = self._children.get((surface, shown))
        if counters is None:
            text = {0: "none", _OTHER: "other"}.get(shown, str(shown))
            counters = (self._requests.labels(surface, text), self._seconds.labels(surface))
            self._children[surface, shown] = counters
        counters[0].inc()
        counters[1].observe(seconds)


def surface_of(scope: Scope) -> str:
    """Which part of the server a request was for."""
    path: str = scope["path"]
    first = path.removeprefix("/").partition("/")[0]
    if first == "health":
        return "health"
    if path in PATHS:
        return "metrics"
    if path.startswith(BLOBS_PATH):
        return "files"
    if first in _SIGN_IN:
        return "sign-in"
    return _of_caller(scope, path)


def _of_caller(scope: Scope, path: str) -> str:
    token = scope.get("state", {}).get("token")
    if token is None:
        return "refused"
    if token.kind is not TokenKind.USER:
        return "agents"
    return "graphql" if path.endswith("/graphql") else "pages"
