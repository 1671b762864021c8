"""The open-source web server of a deployment: UI and GraphQL under ``/{deployment}``."""

from __future__ import annotations

from graphene import Schema
from starlette.types import ASGIApp

from dagster_webserver.webserver import DagsterWebserver

from dagstead.engine.workspace import DeploymentRequestContext, DeploymentWorkspace


class DeploymentWebserver(DagsterWebserver[DeploymentWorkspace, DeploymentRequestContext]):
    """Serves one deployment with the operator schema."""

    def __init__(self, workspace: DeploymentWorkspace, schema: Schema) -> None:
        self._schema_to_serve = schema
        super().__init__(workspace, app_path_prefix=f"/{workspace.name}")

    def build_graphql_schema(self) -> Schema:
        """The schema with the control plane's fields."""
        return self._schema_to_serve


def deployment_app(workspace: DeploymentWorkspace, schema: Schema) -> ASGIApp:
    """The application for all paths below ``/{deployment}/``, that prefix included."""
    return DeploymentWebserver(workspace, schema).create_asgi_app()
