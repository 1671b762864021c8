"""GraphQL for callers who name no deployment, and are granted none that would stand for one.

A job that makes branch deployments is such a caller, before there is any.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from http import HTTPStatus
from typing import NoReturn

from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from dagstead.control.actor import Actor
from dagstead.control.all import Control
from dagstead.engine.webserver import OPERATION, Operation, OperationExecutor
from dagstead.errors import ForbiddenError


@dataclass(frozen=True, kw_only=True, slots=True)
class OrganizationContext:
    """The context of resolvers during a request that is for no deployment."""

    control: Control
    #: The caller.
    actor: Actor
    #: The address at which callers reach this server.
    base_url: str
    #: The connection.
    source: Request

    @property
    def deployment(self) -> NoReturn:
        """There is none.

        Raises:
            ForbiddenError: with the next step.
        """
        raise ForbiddenError(
            f"{self.actor.name!r} named no deployment, and may use no full one. Name a branch "
            "deployment: in the address, as /NAME/graphql, or with DAGSTER_CLOUD_DEPLOYMENT. "
            "`dagster-cloud ci init` and `dagstead deploy --branch-deployment` make one."
        )


def organization_app(control: Control, executor: OperationExecutor, base_url: str) -> ASGIApp:
    """The application for GraphQL requests that are for no deployment.

    Args:
        control: acts and views.
        executor: executes operations.
        base_url: the address that callers have of this server.
    """

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        operation = scope.get(OPERATION)
        if not isinstance(operation, Operation):
            # GraphiQL is a page of a deployment.
            raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED)
        request = Request(scope, receive)
        context = OrganizationContext(
            control=control,
            actor=Actor.holding(request.state.token, getattr(request.state, "address", None)),
            base_url=getattr(request.state, "base_url", base_url),
            source=request,
        )
        response = await to_thread.run_sync(
            executor.answer, operation, lambda: nullcontext(context)
        )
        await response(scope, receive, send)

    return answer
