"""A control plane that is administered, however it is reached: over HTTP, or in its folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from dagstead.client.agents import ListedAgent
    from dagstead.client.deployments import ListedDeployment
    from dagstead.client.locations import ListedLocation
    from dagstead.client.releases import Release
    from dagstead.plane.new_tokens import NewToken
    from dagstead.plane.tokens import IssuedToken, Token
    from dagstead.plane.trust import NewPolicy, Policy


class TokenActs(Protocol):
    """What is done with tokens."""

    def all(self, *, useless: bool) -> list[Token]:
        """The tokens, the oldest first; revoked and expired ones if ``useless``."""

    def issue(self, new: NewToken) -> IssuedToken:
        """Make one."""

    def revoke(self, token_id: int) -> Token:
        """Make one useless from now on."""


class TrustActs(Protocol):
    """What is done with policies of trust."""

    def all(self) -> list[Policy]:
        """All policies, the oldest first."""

    def add(self, new: NewPolicy) -> Policy:
        """Trust more jobs."""

    def remove(self, policy_id: int) -> None:
        """Trust fewer jobs."""


class DeploymentActs(Protocol):
    """What is done with deployments."""

    def all(self) -> list[ListedDeployment]:
        """The deployments, by name."""

    def require(self, name: str) -> None:
        """Refuse a name that is of no deployment."""

    def create(self, name: str) -> None:
        """Make a full one."""

    def delete(self, name: str) -> None:
        """Remove one with all that it stored."""

    def settings(self, name: str) -> Mapping[str, Any]:
        """The settings of one."""

    def set_settings(self, name: str, settings: Mapping[str, Any]) -> None:
        """Replace them."""


class AgentActs(Protocol):
    """What is done with agents."""

    def all(self) -> list[ListedAgent]:
        """The agents that were heard of."""

    def forget(self, agent_id: str) -> str:
        """Remove what is known of one that is gone; its name."""


class LocationViews(Protocol):
    """What is seen of code locations."""

    def all(self, deployment: str | None = None) -> list[ListedLocation]:
        """Those of a deployment, or of all."""


class ReleaseActs(Protocol):
    """What is done with the releases of a deployment."""

    def newest(self, limit: int | None = None) -> list[Release]:
        """Releases, the newest first."""

    def show(self, number: int) -> Release:
        """One release as it stands."""

    def end(self, number: int, reason: str) -> Release:
        """End one that is loading."""

    def roll_back(self, number: int | None = None) -> Release:
        """Begin one of what was live after that one, or after the one before the present."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Administration:
    """One control plane, however it is reached."""

    #: The address that people and agents use.
    url: str
    tokens: TokenActs
    trust: TrustActs
    deployments: DeploymentActs
    agents: AgentActs
    locations: LocationViews
    #: Of a deployment; ``None`` is the first one.
    releases: Callable[[str | None], ReleaseActs]
