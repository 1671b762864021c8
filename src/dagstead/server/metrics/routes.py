"""``GET /metrics`` for Prometheus, and ``GET /api/queues/scale`` for KEDA and the like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dagstead.control.actor import Actor
from dagstead.control.all import Control
from dagstead.control.counting import require_metrics
from dagstead.errors import InvalidInputError
from dagstead.plane.names import check_queue_name
from dagstead.plane.numbers import WORK_OF_AN_AGENT, QueueScale
from dagstead.plane.tokens import Token
from dagstead.server.metrics.exposition import Exposition
from dagstead.server.metrics.paths import METRICS_PATH, SCALE_PATH
from dagstead.server.throttle import client_of

#: Collectors wait for each other, and not for threads in which others wait for agents.
_THREADS = 2


@dataclass(frozen=True, slots=True)
class MetricsEndpoint:
    """Both addresses."""

    control: Control
    exposition: Exposition
    _limiter: CapacityLimiter

    async def metrics(self, request: Request) -> Response:
        """All metrics. Who comes without a token is from a network that may read them."""
        actor = _actor(request)
        if actor is not None:
            require_metrics(actor, "Reading metrics")
        accept = request.headers.get("accept", "")
        body, kind = await to_thread.run_sync(self.exposition.text, accept, limiter=self._limiter)
        return Response(body, media_type=kind, headers={"Cache-Control": "no-store"})

    async def scale(self, request: Request) -> Response:
        """How much one queue has to do; without ``?queue=``, the default queue."""
        actor = _actor(request)
        assert actor is not None  # noqa: S101 - nobody comes here without a token
        queue = request.query_params.get("queue")
        check_queue_name(queue)
        work = _number(request.query_params.get("work_of_an_agent"))
        found = await to_thread.run_sync(
            self.control.metrics.scale, actor, queue, work, limiter=self._limiter
        )
        return JSONResponse(_document(found), headers={"Cache-Control": "no-store"})


def metrics_routes(control: Control, exposition: Exposition) -> list[Route]:
    """The routes of both."""
    endpoint = MetricsEndpoint(control, exposition, CapacityLimiter(_THREADS))
    return [
        Route(METRICS_PATH, endpoint.metrics, methods=["GET"]),
        Route(SCALE_PATH, endpoint.scale, methods=["GET"]),
    ]


def _actor(request: Request) -> Actor | None:
    token: Token | None = getattr(request.state, "token", None)
    return None if token is None else Actor.holding(token, client_of(request.scope))


def _number(text: str | None) -> int:
    if text is None:
        return WORK_OF_AN_AGENT
    if not text.isascii() or not text.isdecimal() or len(text) > len("100000"):
        raise InvalidInputError(f"work_of_an_agent is {text!r:.40}, which is not a number.")
    return int(text)


def _document(scale: QueueScale) -> dict[str, Any]:
    return {
        "queue": scale.queue,
        "waiting": scale.waiting,
        "running": scale.running,
        "work": scale.work,
        "oldest_seconds": round(scale.oldest_seconds, 3),
        "agents": scale.agents,
        "desired_agents": scale.desired_agents,
    }
