"""``/health``: for load balancers, supervisors and monitoring, without a token."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any

from anyio import CapacityLimiter, fail_after, to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dagstead.control.actor import SYSTEM
from dagstead.control.all import Control

PATH = "/health"
#: For monitoring: it also fails when this server is well, and another part is not.
WHOLE_PATH = "/health/all"

#: It must not wait behind other threads: whoever asks would take the server for dead.
_THREADS = 2
#: Whoever asks waits no longer: a line to the database that is cut off is noticed later.
_SECONDS = 5.0


def health_routes(control: Control) -> list[Route]:
    """Both addresses. They say how the parts are in numbers; sentences name machines."""
    limiter = CapacityLimiter(_THREADS)

    def of(*, whole: bool) -> Callable[[Request], Awaitable[Response]]:
        async def health(_request: Request) -> Response:
            try:
                with fail_after(_SECONDS):
                    body = await to_thread.run_sync(
                        _body, control, limiter=limiter, abandon_on_cancel=True
                    )
            except Exception:  # noqa: BLE001 - whatever it is, the database does not answer
                body = {"status": "unavailable", "error": "The database does not answer."}
                return JSONResponse(body, status_code=HTTPStatus.SERVICE_UNAVAILABLE)
            fails = whole and body["status"] != "ok"
            code = HTTPStatus.SERVICE_UNAVAILABLE if fails else HTTPStatus.OK
            return JSONResponse(body, status_code=code)

        return health

    return [
        Route(PATH, of(whole=False), methods=["GET"]),
        Route(WHOLE_PATH, of(whole=True), methods=["GET"]),
    ]


def _body(control: Control) -> Mapping[str, Any]:
    parts = control.health.parts(SYSTEM)
    unwell = [part.name for part in parts if not part.is_well]
    return {
        "status": "degraded" if unwell else "ok",
        "unwell": unwell,
        **{part.name: {"ok": part.is_well, **part.numbers} for part in parts},
    }
