"""The routing map as a page: a picture, and the same as a table."""

from __future__ import annotations

from starlette.responses import Response

from dagstead.console.calls import PageCall
from dagstead.console.locations import chosen_names
from dagstead.console.map_drawing import drawn
from dagstead.routing.tables import reasons


def routing_map(call: PageCall) -> Response:
    """Who runs what, and why the others do not."""
    names, granted = chosen_names(call)
    routes = call.control.overview.routes(call.actor, names)
    agents = call.control.agents.all(call.actor)
    return call.show(
        "routes.html",
        title="Routing map",
        here="routes",
        command="dagstead routes --live",
        map=drawn(routes, {each.label: each.id for each in agents}),
        rows=reasons(routes),
        deployments=granted,
        chosen=call.query("deployment"),
    )
