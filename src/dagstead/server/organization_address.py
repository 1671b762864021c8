"""The organization's name as the first part of a path, as ``dg`` puts it there.

``dagster_shared.plus.config`` adds the organization to the address that is configured, so that
``dg api`` asks for ``/{organization}/graphql`` and ``/{organization}/gen_artifact_get``.
"""

from __future__ import annotations

from collections.abc import Callable

from anyio import to_thread
from starlette.types import ASGIApp, Receive, Scope, Send


class OrganizationAddressMiddleware:
    """Takes the organization off the path, unless a deployment has the same name."""

    def __init__(
        self, app: ASGIApp, *, organization: str, is_deployment: Callable[[str], bool]
    ) -> None:
        """Wrap an application.

        Args:
            app: the application.
            organization: its name.
            is_deployment: whether there is a deployment of a name; asked for that name only.
        """
        self._app = app
        self._organization = organization
        self._is_deployment = is_deployment

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        await self._app(await self._without_organization(scope), receive, send)

    async def _without_organization(self, scope: Scope) -> Scope:
        prefix = f"/{self._organization}/"
        if scope["type"] != "http" or not scope["path"].startswith(prefix):
            return scope
        if await to_thread.run_sync(self._is_deployment, self._organization):
            return scope
        path = scope["path"][len(prefix) - 1 :]
        return {**scope, "path": path, "raw_path": path.encode()}
