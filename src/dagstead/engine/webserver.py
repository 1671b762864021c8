"""The open-source web server of a deployment: UI and GraphQL under ``/{deployment}``."""

from __future__ import annotations

from collections.abc import Sequence

from dagster_webserver.webserver import DagsterWebserver
from graphene import Schema
from graphql import GraphQLError, GraphQLFormattedError
from starlette.status import HTTP_200_OK, HTTP_400_BAD_REQUEST
from starlette.types import ASGIApp

from dagstead.engine.workspace import DeploymentRequestContext, DeploymentWorkspace
from dagstead.errors import DagsteadError


class DeploymentWebserver(DagsterWebserver[DeploymentWorkspace, DeploymentRequestContext]):
    """Serves one deployment with the operator schema."""

    def __init__(self, workspace: DeploymentWorkspace, schema: Schema) -> None:
        self._schema_to_serve = schema
        super().__init__(workspace, app_path_prefix=f"/{workspace.name}")

    def build_graphql_schema(self) -> Schema:
        """The schema with the control plane's fields."""
        return self._schema_to_serve

    def handle_graphql_errors(self, errors: Sequence[GraphQLError]) -> list[GraphQLFormattedError]:
        """Errors as clients get them: upstream's form, without a stack for mistakes of callers."""
        formatted: list[GraphQLFormattedError] = super().handle_graphql_errors(errors)
        for error, entry in zip(errors, formatted, strict=True):
            if isinstance(error.original_error, DagsteadError):
                entry.pop("extensions", None)
        return formatted

    def _determine_status_code(
        self,
        resolver_errors: list[GraphQLError] | None,
        captured_errors: list[Exception],
    ) -> int:
        # Upstream answers 500 for errors that the body already tells, user code's among them;
        # proxies and alerts would take those for failures of the server.
        invalid = any(error.original_error is None for error in resolver_errors or ())
        return HTTP_400_BAD_REQUEST if invalid and not captured_errors else HTTP_200_OK


def deployment_app(workspace: DeploymentWorkspace, schema: Schema) -> ASGIApp:
    """The application for all paths below ``/{deployment}/``, that prefix included."""
    return DeploymentWebserver(workspace, schema).create_asgi_app()
