"""The parts of the control plane, as ``dagstead status`` prints them."""

from __future__ import annotations

from starlette.responses import Response

from dagstead.console.calls import PageCall


def server(call: PageCall) -> Response:
    """How each part is."""
    return call.show(
        "server.html",
        title="The control plane",
        here="server",
        command="dagstead status",
        rows=call.control.health.parts(call.actor),
    )
