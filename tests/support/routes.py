"""Every address of the web application, found by walking its routes."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.applications import Starlette
from starlette.routing import Route

from dagstead.server.app import DeploymentRoute

#: A path of each deployment's application, which the route table holds as one route.
BELOW_DEPLOYMENTS = [
    ("GET", "/prod/"),
    ("GET", "/prod/graphql"),
    ("POST", "/prod/graphql"),
    ("GET", "/prod/logs/run/compute_logs/step/err"),
    ("GET", "/prod/download_debug/run"),
    ("GET", "/prod/server_info"),
    ("POST", "/prod/report_asset_materialization/a"),
    ("GET", "/nowhere/at/all"),
]


def every_call(app: Starlette) -> Iterator[tuple[str, str]]:
    """Method and path of each call that the application can be sent."""
    for route in app.routes:
        if isinstance(route, DeploymentRoute):
            yield from BELOW_DEPLOYMENTS
            continue
        assert isinstance(route, Route)
        path = route.path.replace("{deployment}", "prod").replace("{key:path}", "x")
        path = path.replace("{path:path}", "x")
        for method in sorted(route.methods or ()):
            yield method, path
