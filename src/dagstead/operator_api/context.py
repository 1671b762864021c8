"""What resolvers are given, and what they ask of the caller's token."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, cast

from dagster import DagsterInstance
from graphql import GraphQLResolveInfo

from dagstead.errors import ForbiddenError
from dagstead.plane.deployments import Deployment
from dagstead.plane.tokens import Token
from dagstead.store.all import Store


class Calls(Protocol):
    """The calls on agents that this surface makes itself."""

    def check_for_workspace_updates(
        self, deployment: Deployment, queues: Iterable[str | None]
    ) -> None:
        """Make the agents of these queues load what was deployed."""

    def why_unserved(self, deployment: Deployment, location: str, queue: str | None) -> str | None:
        """Why no live agent takes this location's requests; ``None`` when one does."""


class Instances(Protocol):
    """The deployments' own storage."""

    def drop(self, deployment: Deployment) -> None:
        """Close a deployment's instance and remove all that it stored."""


class Context(Protocol):
    """One request: who asks, for which deployment, and what answers.

    ``engine.workspace.DeploymentRequestContext`` is one; its open-source half serves the
    open-source fields.
    """

    @property
    def store(self) -> Store:
        """What the control plane stores."""

    @property
    def deployment(self) -> Deployment:
        """The deployment that the request is for."""

    @property
    def token(self) -> Token | None:
        """Who asks; ``None`` inside the server."""

    @property
    def calls(self) -> Calls:
        """Calls on agents."""

    @property
    def instances(self) -> Instances:
        """The storage of all deployments."""

    @property
    def instance(self) -> DagsterInstance:
        """The storage of this one."""

    @property
    def base_url(self) -> str:
        """The address under which callers reach this server."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What is the same for every request of a server."""

    organization: str = "dagstead"
    #: Where `ci build --build-strategy=docker` may push. The CLI wants an address also when it
    #: builds PEX files, and refuses to push without a password; so there is one that cannot exist.
    registry_url: str = "no-registry.invalid"


#: Where a schema keeps its facts.
FACTS = "dagstead"


def context_of(info: GraphQLResolveInfo) -> Context:
    """The request's context."""
    return cast("Context", info.context)


def facts_of(info: GraphQLResolveInfo) -> Facts:
    """The server's facts."""
    return cast("Facts", info.schema.extensions[FACTS])


def require_every_deployment(context: Context, what: str) -> None:
    """Refuse a token that is limited to some deployments.

    Args:
        context: the request's.
        what: what only an unlimited token may do, as the subject of a sentence.

    Raises:
        ForbiddenError: with the sentence for the caller.
    """
    token = context.token
    if token is not None and token.deployments is None:
        return
    name = repr(token.name) if token else "that is missing"
    limited = token.describe_deployments() if token else "none"
    msg = (
        f"{what} needs a token for all deployments. Token {name} is limited to: {limited}. "
        "Create one with `dagstead token create --kind user`."
    )
    raise ForbiddenError(msg)


def grants(context: Context, deployment: Deployment) -> bool:
    """Whether the caller's token may see a deployment."""
    token = context.token
    return token is not None and token.grants_deployment(
        deployment.name, is_branch=deployment.is_branch, repository=deployment.repository
    )


def require_deployment(context: Context, deployment: Deployment) -> None:
    """Refuse unless the caller's token may use a deployment.

    Raises:
        ForbiddenError: with the sentence for the caller.
    """
    if context.token is None:
        raise ForbiddenError
    context.token.require_deployment(
        deployment.name, is_branch=deployment.is_branch, repository=deployment.repository
    )


def require_locations(context: Context, names: Iterable[str]) -> None:
    """Refuse a token of CI that is limited to other locations.

    Raises:
        ForbiddenError: with the sentence for the caller.
    """
    if context.token is not None:
        context.token.require_locations(names)
