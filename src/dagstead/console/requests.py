"""What agents were asked and have not answered, each with its reason; and one of them."""

from __future__ import annotations

from starlette.responses import Response

from dagstead.console.calls import PageCall

#: More rows make a page that nobody reads, and that is slow.
_MOST = 100


def requests(call: PageCall) -> Response:
    """Those that wait longest."""
    found = call.control.reasons.waiting_requests(call.actor, _MOST)
    return call.show(
        "requests.html",
        title="Requests",
        here="requests",
        rows=found.rows,
        total=found.total,
    )


def request(call: PageCall) -> Response:
    """Why one request waits, or what became of it."""
    deployment = call.deployment(call.path("deployment"))
    why = call.control.reasons.why_request(call.actor, deployment, call.path("request"))
    short = why.subject.id[:8]
    return call.show(
        "request.html",
        title=f"Request {short}",
        here="requests",
        command=f"dagstead why {short} --deployment {deployment.name}",
        deployment=deployment,
        subject=why.subject,
        reason=why.reason,
    )
