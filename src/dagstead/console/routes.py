"""Every address of the console, and which page or act it is."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from dagstead.console import (
    agents,
    alerts,
    beginning,
    deployments,
    home,
    locations,
    people,
    queues,
    releases,
    requests,
    route_pages,
    runs,
    secret_pages,
    server_page,
    tokens,
    trail_pages,
)
from dagstead.console.assets import STATIC_PATH
from dagstead.console.calls import Handler, PageCall, Services, acting, endpoint
from dagstead.console.events import events
from dagstead.errors import NotFoundError

#: Pages, by their address below ``/-/``.
PAGES: Sequence[tuple[str, Handler]] = (
    ("", home.home),
    ("wrong", home.wrong),
    ("begin", beginning.begin),
    ("search", people.search),
    ("server", server_page.server),
    ("locations", locations.locations),
    ("locations/{deployment}/{name:path}", locations.location),
    ("queues", queues.queues),
    ("queues/default", queues.queue),
    ("queues/of/{name:path}", queues.queue),
    ("runs", runs.runs),
    ("runs/cancel", runs.runs),
    ("runs/{deployment}/{run:path}", runs.run),
    ("requests", requests.requests),
    ("requests/{deployment}/{request:path}", requests.request),
    ("agents", agents.agents),
    ("callers", agents.callers),
    ("agents/{agent:path}", agents.agent),
    ("alerts", alerts.alerts),
    ("routes", route_pages.routing_map),
    ("releases", releases.releases),
    ("releases/{deployment}/{number:int}", releases.release),
    ("releases/{deployment}/{number:int}/rollback", releases.rollback),
    ("deployments", deployments.deployments),
    ("deployments/{deployment}", deployments.deployment),
    ("deployments/{deployment}/settings", deployments.settings),
    ("tokens", tokens.tokens),
    ("tokens/new", tokens.new_token),
    ("tokens/{token:int}", tokens.token),
    ("secrets", secret_pages.secrets),
    ("trail", trail_pages.trail),
)

#: What forms send, by the address that they send it to.
ACTS: Sequence[tuple[str, Handler]] = (
    ("theme", people.theme),
    ("begin", beginning.begin_with_token),
    ("locations/{deployment}/{name:path}", acting(locations.reload, locations.location)),
    ("queues/pause", acting(queues.pause, queues.queues)),
    ("queues/resume", acting(queues.resume, queues.queues)),
    ("queues/default", acting(queues.change, queues.queue)),
    ("queues/default/remove", acting(queues.remove, queues.queue)),
    ("queues/remove/{name:path}", acting(queues.remove, queues.queue)),
    ("queues/of/{name:path}", acting(queues.change, queues.queue)),
    ("runs/cancel", runs.cancel),
    ("alerts/test", acting(alerts.try_policy, alerts.alerts)),
    ("alerts/silence", acting(alerts.silence, alerts.alerts)),
    ("alerts/silence/{silence:int}/end", acting(alerts.end_silence, alerts.alerts)),
    ("agents/{agent:path}", acting(agents.forget, agents.agent)),
    (
        "releases/{deployment}/{number:int}/rollback",
        acting(releases.roll_back, releases.rollback),
    ),
    ("deployments", acting(deployments.create, deployments.deployments)),
    ("deployments/{deployment}/settings", acting(deployments.set_settings, deployments.settings)),
    (
        "deployments/{deployment}/settings/form",
        acting(deployments.set_fields, deployments.settings),
    ),
    ("deployments/{deployment}/delete", acting(deployments.delete, deployments.deployment)),
    ("tokens/new", tokens.create),
    ("tokens/{token:int}/rotate", tokens.rotate),
    ("tokens/{token:int}/revoke", acting(tokens.revoke, tokens.token)),
    ("secrets", acting(secret_pages.set_secret, secret_pages.secrets)),
    ("secrets/remove", acting(secret_pages.remove_secret, secret_pages.secrets)),
)


def console_routes(services: Services) -> list[BaseRoute]:
    """All of it."""

    async def stream(request: Request) -> Response:
        return await events(services, request)

    assets = services.renderer.assets
    return [
        Route(STATIC_PATH + "{digest}/{name}", assets.serve, methods=["GET"]),
        Route("/-/events", stream, methods=["GET"]),
        *(_route(services, path, handler, "GET") for path, handler in PAGES),
        *(_route(services, path, handler, "POST") for path, handler in ACTS),
        # No deployment has this name.
        Route("/-", endpoint(services, lambda call: call.go("/-/")), methods=["GET"]),
        Route("/-/{rest:path}", endpoint(services, _nothing_here), methods=["GET", "POST"]),
    ]


def error_page(services: Services, request: Request, says: str, status: HTTPStatus) -> Response:
    """A page for people about what went wrong before any page was asked for."""
    title = _TITLES.get(status, "That did not work")
    return services.renderer.plain(request, "alone.html", status=status, title=title, says=says)


_TITLES = {
    HTTPStatus.NOT_FOUND: "There is nothing here",
    HTTPStatus.FORBIDDEN: "Your token does not allow this",
    HTTPStatus.SERVICE_UNAVAILABLE: "The control plane cannot answer now",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many requests",
    HTTPStatus.INTERNAL_SERVER_ERROR: "Something failed here",
}


def _route(services: Services, path: str, handler: Handler, method: str) -> Route:
    return Route(f"/-/{path}", endpoint(services, handler), methods=[method])


def _nothing_here(call: PageCall) -> Response:
    raise NotFoundError(
        f"The console has no page at {call.request.url.path!r}. Its pages are in the menu."
    )
