"""The Dagster UI and GraphQL of every deployment, made when first asked for."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from anyio import CapacityLimiter
from graphene import Schema
from starlette.types import ASGIApp, HTTPExceptionHandler

from dagstead.control.actor import SYSTEM, Actor
from dagstead.engine.instances import Instances
from dagstead.engine.organization_app import organization_app
from dagstead.engine.sockets import SubscriptionCounts
from dagstead.engine.validation import ValidTexts
from dagstead.engine.webserver import Dress, OperationExecutor, deployment_app
from dagstead.engine.workspace import DeploymentWorkspace
from dagstead.errors import ForbiddenError
from dagstead.operator_api.screen import screened
from dagstead.plane.deployments import Deployment
from dagstead.plane.tokens import Token
from dagstead.server.first_start import PREFERRED_DEPLOYMENT

#: Threads for reading GraphQL requests, of all deployments together. Reading keeps a CPU busy: with
#: many threads the event loop would seldom get its turn.
_READING_THREADS = 2

#: Stands in paths where a deployment's name would; none has it.
_NOBODY_S = "-"


@dataclass(frozen=True, slots=True)
class _DeploymentApp:
    deployment: Deployment
    app: ASGIApp


@dataclass(frozen=True, kw_only=True, slots=True)
class DeploymentApps:
    """One application per deployment, kept for the life of the process."""

    instances: Instances
    schema: Schema
    base_url: str
    #: Answers errors of ours that end a request.
    refused: HTTPExceptionHandler
    #: Adds what is ours to pages of the UI.
    dress: Dress
    #: Of the schema.
    _valid_texts: ValidTexts = field(default_factory=ValidTexts)
    #: Of all deployments together.
    _subscriptions: SubscriptionCounts = field(default_factory=SubscriptionCounts)
    _reading: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(_READING_THREADS))
    _apps: dict[str, _DeploymentApp] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, token: Token, name: str, address: str | None = None) -> ASGIApp:
        """The application of a deployment, for the holder of a token at an address.

        Raises:
            ForbiddenError: when the token does not grant it.
            DeploymentNotFoundError: when there is none of that name.
        """
        return self._app(self.granted(token, name, address))

    def granted(self, token: Token, name: str, address: str | None = None) -> Deployment:
        """The deployment, if the token grants it.

        Raises:
            ForbiddenError: when it does not, whether or not the deployment exists.
            DeploymentNotFoundError: when there is none of that name.
        """
        return self.instances.control.deployments.named(Actor.holding(token, address), name)

    def exists(self, name: str) -> bool:
        """Whether there is a deployment of that name."""
        deployments = self.instances.control.deployments
        return any(deployment.name == name for deployment in deployments.granted(SYSTEM))

    def unnamed(self, token: Token) -> tuple[str, ASGIApp]:
        """What answers GraphQL requests that name no deployment, with the name in its paths.

        Raises:
            ForbiddenError: when the token grants no deployment that exists, or could be made.
        """
        first = self._first_full(token)
        if first is not None:
            return first, self.get(token, first)
        if token.branch_deployments:
            return _NOBODY_S, self._organization()
        raise ForbiddenError(_grants_nothing(token))

    def home(self, token: Token) -> str:
        """The deployment whose pages are shown when none is named: a full one, or else a branch's.

        Raises:
            ForbiddenError: when the token grants none that exists.
        """
        first = self._first_full(token)
        if first is not None:
            return first
        branches = [each for each in self._granted(token) if not each.closed]
        if not branches:
            raise ForbiddenError(_grants_nothing(token))
        return max(branches, key=lambda branch: branch.created_at).name

    def _first_full(self, token: Token) -> str | None:
        names = [each.name for each in self._granted(token) if not each.is_branch]
        return PREFERRED_DEPLOYMENT if PREFERRED_DEPLOYMENT in names else next(iter(names), None)

    def _granted(self, token: Token) -> list[Deployment]:
        return self.instances.control.deployments.granted(Actor.holding(token))

    def _organization(self) -> ASGIApp:
        executor = OperationExecutor(self.schema, self._valid_texts)
        app = organization_app(self.instances.control, executor, self.base_url)
        return screened(app, self._reading)

    def _app(self, deployment: Deployment) -> ASGIApp:
        with self._lock:
            kept = self._apps.get(deployment.name)
            # A deployment of the same name may have been deleted and created again.
            if kept and kept.deployment.created_at == deployment.created_at:
                return kept.app
            workspace = DeploymentWorkspace(deployment.name, self.instances, base_url=self.base_url)
            app = screened(
                deployment_app(
                    workspace,
                    self.schema,
                    self._valid_texts,
                    self._subscriptions,
                    self.refused,
                    self.dress,
                ),
                self._reading,
            )
            self._apps[deployment.name] = _DeploymentApp(deployment, app)
            return app


def _grants_nothing(token: Token) -> str:
    way = (
        "`dagster-cloud ci init` or `dagstead deploy --branch-deployment`"
        if token.branch_deployments
        else "`dagstead deployment create`"
    )
    return (
        f"Token {token.name!r} grants no deployment that exists. It may use: "
        f"{token.describe_deployments()}. Create one with {way}."
    )
