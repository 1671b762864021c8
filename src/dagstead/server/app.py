"""The web application: every path, who may use it, and what answers."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any

from anyio import to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from dagstead.agent_api.rest import Endpoint
from dagstead.agent_api.routes import agent_graphql, agent_routes, blob_routes
from dagstead.agent_api.services import DEPLOYMENT_HEADER, AgentServices
from dagstead.console.assets import Assets
from dagstead.console.bar import Bar
from dagstead.console.calls import Services
from dagstead.console.links import HOME
from dagstead.console.render import Renderer
from dagstead.console.routes import console_routes, error_page
from dagstead.control.bell import sign_ins
from dagstead.control.memory import MemoryBudget
from dagstead.control.releases import Redeploy
from dagstead.control.unpacking import definitions
from dagstead.engine.instances import Instances
from dagstead.errors import DagsteadError, ForbiddenError, StoreAwayError
from dagstead.model.user_agent import USER_AGENT
from dagstead.operator_api.context import ServerFacts
from dagstead.operator_api.documents import DeployTarget, read_location
from dagstead.operator_api.schema import create_schema
from dagstead.plane.deployments import Deployment
from dagstead.plane.given_secrets import given_secrets
from dagstead.plane.names import RESERVED_DEPLOYMENT_NAMES
from dagstead.plane.tokens import Token, TokenKind
from dagstead.server.authentication import (
    AuthenticationMiddleware,
    Authenticator,
    note_refusal,
    refuse,
)
from dagstead.server.body_limit import MEBIBYTE, BodyLimitMiddleware, BodyLimits
from dagstead.server.call_limits import CallLimitMiddleware, CallLimits
from dagstead.server.ci_login import CiLogin, logins_of_repositories
from dagstead.server.deployment_apps import DeploymentApps
from dagstead.server.guard import GuardMiddleware
from dagstead.server.headers import HeadersMiddleware
from dagstead.server.health import health_routes
from dagstead.server.issuer_keys import IssuerKeys
from dagstead.server.metrics.exposition import Exposition
from dagstead.server.metrics.networks import OpenNetworks
from dagstead.server.metrics.routes import metrics_routes
from dagstead.server.not_offered import not_offered_routes
from dagstead.server.oidc import OidcEndpoint, failed_logins
from dagstead.server.organization_address import OrganizationAddressMiddleware
from dagstead.server.own_address import OwnAddress
from dagstead.server.registry.door import RegistryDoor
from dagstead.server.registry.setup import registry_door, registry_facts
from dagstead.server.replies import reply, sentence, wants_page
from dagstead.server.sessions import SessionCookies
from dagstead.server.settings import Settings
from dagstead.server.sign_in import SignIn
from dagstead.server.text_door import TextDoorMiddleware
from dagstead.server.throttle import Throttle, client_of
from dagstead.server.tracing.middleware import TracingMiddleware

#: Most of these wait for an agent's answer on behalf of the UI. Agents have threads of their own.
_THREADS = 200
#: Of the memory for large requests, a third is for their bodies, and the rest for what these unpack
#: to. Were it one, a large body could wait for what it holds itself.
_BODIES_SHARE = 3
#: Tokens of one address in a minute that open nothing. A revoked one may come with every poll of an
#: agent.
_MOST_FAILURES = 300
_SCOPE_HEADER = "Dagster-Cloud-Scope"


def create_app(
    settings: Settings,
    instances: Instances,
    *,
    environment: Mapping[str, str] | None = None,
    report: Sequence[Mapping[str, Any]] = (),
    is_closing: Callable[[], bool] = lambda: False,
) -> Starlette:
    """Put the surfaces together.

    Args:
        settings: in force.
        instances: of all deployments, with the store.
        environment: where secrets for user code are looked for; this process's if left out.
        report: the settings for people to read.
        is_closing: whether this process is about to end.
    """
    control = instances.control
    environment = os.environ if environment is None else environment
    secrets = given_secrets(environment)
    work = settings.max_work_mb * MEBIBYTE
    agents = AgentServices(
        instances=instances,
        base_url=settings.base_url,
        organization=settings.organization,
        secrets=secrets,
        definitions=definitions(settings.max_definitions_mb),
        memory=MemoryBudget(work - work // _BODIES_SHARE),
        hold_seconds=settings.poll_seconds,
        is_closing=is_closing,
    )
    console = Services(
        control=control,
        renderer=Renderer(assets=Assets.of_package(), clock=control.clock),
        organization=settings.organization,
        secrets=secrets,
        redeploy=_redeploy_in,
        is_closing=is_closing,
    )
    apps = DeploymentApps(
        instances=instances,
        schema=create_schema(
            ServerFacts(
                organization=settings.organization,
                loopback_issuers=settings.loopback_issuers,
                settings=report,
                secrets=secrets,
                retention=settings.retention,
                registry=registry_facts(settings),
            )
        ),
        base_url=settings.base_url,
        refused=_refused,
        dress=Bar(console).dressed,
    )
    own = OwnAddress(base_url=settings.base_url, is_public=settings.public_url is not None)
    cookies = SessionCookies(sessions=control.sessions, own=own, days=settings.sign_in_days)
    sign_in = SignIn(
        tokens=control.token_reader,
        cookies=cookies,
        own=own,
        organization=settings.organization,
    )
    failures = Throttle(clock=control.clock, most=_MOST_FAILURES, what="tokens that are not valid")
    login = CiLogin(
        control=control,
        keys=IssuerKeys(clock=control.clock, loopback=settings.loopback_issuers),
        organization=settings.organization,
        base_url=settings.base_url,
        logins=logins_of_repositories(control.clock),
    )
    door = registry_door(instances, settings, environment)
    operator = OperatorEndpoints(apps=apps, agents=agent_graphql(agents))
    exposition = Exposition(control)
    max_file = settings.max_file_mb * MEBIBYTE
    routes: list[BaseRoute] = [
        # It comes many times a second, and each route before it is compared with the path.
        Route("/graphql", operator.graphql, methods=["GET", "POST"]),
        *health_routes(control),
        *metrics_routes(control, exposition),
        *sign_in.routes(),
        OidcEndpoint(login=login, failures=failed_logins(control.clock)).route(),
        *blob_routes(agents, spool=settings.data / "uploads", max_bytes=max_file),
        *agent_routes(agents),
        *door.routes(),
        *not_offered_routes(),
        *console_routes(console),
        Route("/", operator.first, methods=["GET"]),
        # The CLI sends people here when its address names no deployment.
        Route("/locations", operator.home, methods=["GET"]),
        DeploymentRoute(operator),
    ]
    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(HeadersMiddleware, own=own),
            Middleware(GuardMiddleware, count=exposition.calls.count),
            Middleware(TextDoorMiddleware),
            Middleware(
                OrganizationAddressMiddleware,
                organization=settings.organization,
                is_deployment=apps.exists,
            ),
            Middleware(
                AuthenticationMiddleware,
                authenticator=Authenticator(tokens=control.token_reader, cookies=cookies, own=own),
                listen=partial(control.bell.listen, sign_ins()),
                failures=failures,
                recorder=control.recorder,
                is_open=OpenNetworks.of(settings.metrics_networks).let_in,
            ),
            Middleware(
                CallLimitMiddleware,
                limits=CallLimits(
                    throttle=Throttle(
                        clock=control.clock,
                        most=settings.max_requests_per_minute,
                        what="requests with this token",
                    )
                ),
            ),
            Middleware(TracingMiddleware, tracer=control.tracer),
            Middleware(
                BodyLimitMiddleware,
                limits=BodyLimits(
                    body=settings.max_body_mb * MEBIBYTE,
                    file=max_file,
                    layer=settings.max_layer_mb * MEBIBYTE,
                ),
                memory=MemoryBudget(work // _BODIES_SHARE),
            ),
        ],
        exception_handlers={
            DagsteadError: _refused,
            HTTPStatus.NOT_FOUND: _not_found,
            HTTPStatus.METHOD_NOT_ALLOWED: _wrong_method,
        },
        lifespan=partial(_lifespan, door),
    )
    app.state.error_page = partial(error_page, console)
    return app


@dataclass(frozen=True, kw_only=True, slots=True)
class OperatorEndpoints:
    """What people, the CLI and the UI reach; and the choice at ``/graphql``, by token kind."""

    apps: DeploymentApps
    agents: Endpoint

    async def first(self, request: Request) -> Response:
        """``/``: the console for people; for programs as before, a deployment's UI."""
        if wants_page(request):
            return RedirectResponse(HOME, status_code=HTTPStatus.SEE_OTHER)
        return await self.home(request)

    async def home(self, request: Request) -> Response:
        """``/`` and ``/locations``: the same page of the first deployment's UI."""
        token = _token(request)
        _require_user(token)
        name = await to_thread.run_sync(self.apps.home, token)
        return RedirectResponse(f"/{name}{request.url.path}", status_code=HTTPStatus.SEE_OTHER)

    async def graphql(self, request: Request) -> Response:
        """``/graphql``: the agents' for agent tokens, else a deployment's, else the first one's."""
        token = _token(request)
        if request.headers.get("User-Agent") == USER_AGENT:
            _require_user(token)
        if token.kind is not TokenKind.USER:
            if request.method != "POST":
                raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED)
            return await self.agents(request)
        _require_no_agent(request, token)
        name = request.headers.get(DEPLOYMENT_HEADER)
        if name:
            address = client_of(request.scope)
            app = await to_thread.run_sync(self.apps.get, token, name, address)
        else:
            name, app = await to_thread.run_sync(self.apps.unnamed, token)
        return _Forward(app, f"/{name}/graphql")

    async def deployment(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Everything below ``/{deployment}``."""
        name = _first_segment(scope)
        try:
            token = _token(HTTPConnection(scope))
            _require_user(token)
            app = await to_thread.run_sync(self.apps.get, token, name, client_of(scope))
            await app(scope, receive, send)
        except StoreAwayError:
            raise
        except DagsteadError as error:
            await note_refusal(error, scope)
            await refuse(error, scope, receive, send)


class DeploymentRoute(BaseRoute):
    """Matches whatever no other route does: the first segment names a deployment."""

    def __init__(self, operator: OperatorEndpoints) -> None:
        self._operator = operator

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match every request and websocket whose first segment can be a deployment's name."""
        is_ours = (
            scope["type"] in {"http", "websocket"}
            and _first_segment(scope) not in RESERVED_DEPLOYMENT_NAMES
        )
        return (Match.FULL if is_ours else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        await self._operator.deployment(scope, receive, send)


class _Forward(Response):
    """A response that is made by a deployment's application, at another path."""

    def __init__(self, app: ASGIApp, path: str) -> None:
        super().__init__()
        self._app = app
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        moved = {**scope, "path": self._path, "raw_path": self._path.encode()}
        await self._app(moved, receive, send)


@asynccontextmanager
async def _lifespan(door: RegistryDoor, _app: Starlette) -> AsyncIterator[None]:
    to_thread.current_default_thread_limiter().total_tokens = _THREADS
    yield
    await door.close()


def _redeploy_in(deployment: Deployment) -> Redeploy:
    target = DeployTarget(deployment=deployment)
    return lambda document: read_location(document, target)


def _first_segment(scope: Scope) -> str:
    path: str = scope["path"]
    return path.removeprefix("/").partition("/")[0]


def _token(connection: HTTPConnection) -> Token:
    token: Token = connection.state.token
    return token


def _require_user(token: Token) -> None:
    if token.kind is not TokenKind.USER:
        msg = (
            f"Token {token.name!r} is {token.kind.described}, and this is for people and the CLI. "
            "Create a user token with `dagstead token create --kind user`."
        )
        raise ForbiddenError(msg)


def _require_no_agent(request: Request, token: Token) -> None:
    # The official command line calls for a deployment, agents for the organization first.
    if request.headers.get(_SCOPE_HEADER) == "organization":
        msg = (
            f"Token {token.name!r} is a user token, and an agent calls with it. Give the agent an "
            "agent token: create one with `dagstead token create --kind agent --name NAME`."
        )
        raise ForbiddenError(msg)


async def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, DagsteadError):
        raise TypeError(error)
    if isinstance(error, StoreAwayError):
        # The guard answers it, on this path as on all.
        raise error
    await note_refusal(error, request.scope)
    return reply(error, request.scope)


async def _not_found(request: Request, _error: Exception) -> Response:
    return sentence("There is nothing at this address.", HTTPStatus.NOT_FOUND, request.scope)


async def _wrong_method(request: Request, _error: Exception) -> Response:
    text = f"This address does not take {request.method}."
    return sentence(text, HTTPStatus.METHOD_NOT_ALLOWED, request.scope)
