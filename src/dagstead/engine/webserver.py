"""The open-source web server of a deployment: UI and GraphQL under ``/{deployment}``."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Collection, Sequence

from dagster._check import CheckError
from dagster_shared.error import DagsterError
from dagster_webserver.webserver import DagsterWebserver
from graphene import Schema
from graphql import ASTValidationRule, GraphQLError, GraphQLFormattedError
from starlette.status import HTTP_200_OK, HTTP_400_BAD_REQUEST
from starlette.types import ASGIApp

from dagstead.engine.validation import ValidTexts, once_for_each_text
from dagstead.engine.workspace import DeploymentRequestContext, DeploymentWorkspace
from dagstead.errors import DagsteadError
from dagstead.store.away import away_of, raise_if_away

logger = logging.getLogger(__name__)


#: Errors whose own text is meant for people.
_TELLING = (DagsteadError, DagsterError, GraphQLError, CheckError)


class DeploymentWebserver(DagsterWebserver[DeploymentWorkspace, DeploymentRequestContext]):
    """Serves one deployment with the operator schema."""

    def __init__(
        self, workspace: DeploymentWorkspace, schema: Schema, valid_texts: ValidTexts
    ) -> None:
        self._schema_to_serve = schema
        self._valid_texts = valid_texts
        super().__init__(workspace, app_path_prefix=f"/{workspace.name}")

    def build_graphql_schema(self) -> Schema:
        """The schema with the control plane's fields."""
        return self._schema_to_serve

    def build_graphql_validation_rules(self) -> Collection[type[ASTValidationRule]]:
        """All of the specification's, once for each document."""
        return (once_for_each_text(self._valid_texts),)

    def handle_graphql_errors(self, errors: Sequence[GraphQLError]) -> list[GraphQLFormattedError]:
        """Errors as clients get them: upstream's form, without stacks.

        A failure of ours says only under which reference the log has the cause: its own text may
        hold SQL or paths.
        """
        return [_formatted(error) for error in errors]

    def _determine_status_code(
        self,
        resolver_errors: list[GraphQLError] | None,
        captured_errors: list[Exception],
    ) -> int:
        # The last step before the answer, and the only one that sees every error, also those that
        # are data: an answer with these would be final to the clients.
        for error in (*captured_errors, *_causes(resolver_errors)):
            raise_if_away(error)
        # Upstream answers 500 for errors that the body already tells, user code's among them;
        # proxies and alerts would take those for failures of the server.
        invalid = any(error.original_error is None for error in resolver_errors or ())
        return HTTP_400_BAD_REQUEST if invalid and not captured_errors else HTTP_200_OK


def _causes(errors: Sequence[GraphQLError] | None) -> list[Exception]:
    causes = (error.original_error for error in errors or ())
    return [cause for cause in causes if cause is not None]


def _formatted(error: GraphQLError) -> GraphQLFormattedError:
    cause = error.original_error
    formatted = error.formatted
    away = None if cause is None else away_of(cause)
    if away is not None:
        formatted["message"] = away.message
    elif cause is not None and not isinstance(cause, _TELLING):
        reference = uuid.uuid4().hex[:12]
        logger.error("Unexpected error in GraphQL, reference %s", reference, exc_info=cause)
        formatted["message"] = (
            f"The server failed. Its log has the cause under reference {reference}."
        )
    formatted.pop("extensions", None)
    return formatted


def deployment_app(
    workspace: DeploymentWorkspace, schema: Schema, valid_texts: ValidTexts
) -> ASGIApp:
    """The application for all paths below ``/{deployment}/``, that prefix included."""
    return DeploymentWebserver(workspace, schema, valid_texts).create_asgi_app()
