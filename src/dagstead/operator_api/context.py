"""What resolvers get."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from graphql import GraphQLResolveInfo

from dagstead.engine.workspace import DeploymentRequestContext
from dagstead.model.retention import Retention
from dagstead.plane.deployments import Deployment
from dagstead.plane.given_secrets import GivenSecret


@dataclass(frozen=True, kw_only=True, slots=True)
class RegistryFacts:
    """What the CLI is told of the installation's registry."""

    #: Its host, with its port.
    host: str
    #: Whether the CLI is to make images of PEX files.
    pex_images: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerFacts:
    """The same for all requests to a server."""

    organization: str = "dagstead"
    #: Whether trust policies may name an address of this machine.
    loopback_issuers: bool = False
    #: The settings in force, one row per setting, without passwords.
    settings: Sequence[Mapping[str, Any]] = ()
    #: Of the server's environment.
    secrets: Sequence[GivenSecret] = ()
    #: How long things are kept that nothing needs any more.
    retention: Retention = field(default_factory=Retention)
    #: ``None`` when there is no registry.
    registry: RegistryFacts | None = None


#: Where a schema keeps its facts.
FACTS = "dagstead"


def context_of(info: GraphQLResolveInfo) -> DeploymentRequestContext:
    """One request: who asks, for which deployment, and what answers."""
    return cast("DeploymentRequestContext", info.context)


def facts_of(info: GraphQLResolveInfo) -> ServerFacts:
    """The server's facts."""
    return cast("ServerFacts", info.schema.extensions[FACTS])


def chosen_deployments(context: DeploymentRequestContext, name: str | None) -> list[Deployment]:
    """The deployment of that name; without one, all that the caller's token grants.

    Raises:
        ForbiddenError: when the token does not grant it.
        DeploymentNotFoundError: when there is none of that name.
    """
    deployments = context.control.deployments
    if name is None:
        return deployments.granted(context.actor)
    return [deployments.named(context.actor, name)]
