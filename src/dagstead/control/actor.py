"""Who does an act, and what that one may do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dagstead.errors import ForbiddenError
from dagstead.model.queues import describe_queue
from dagstead.plane.deployments import Deployment
from dagstead.plane.projects import Project
from dagstead.plane.tokens import Grant, Token, TokenKind


@dataclass(frozen=True, kw_only=True, slots=True)
class Actor:
    """The holder of a token, or the system itself.

    An actor without a token that is not the system may do nothing: every act refuses callers who
    were not recognised.
    """

    #: For records of its acts.
    name: str
    token: Token | None = None
    is_system: bool = False

    @classmethod
    def holding(cls, token: Token) -> Actor:
        """The holder of a token."""
        return cls(name=token.name, token=token)

    @property
    def is_unlimited(self) -> bool:
        """Whether it may act on the whole organization."""
        return self.is_system or (self.token is not None and self.token.is_unlimited)

    @property
    def is_of_locations(self) -> bool:
        """Whether it may deploy some code locations, and nothing besides."""
        return self.token is not None and self.token.locations is not None

    def grants(self, deployment: Deployment) -> bool:
        """Whether it may see this deployment."""
        return self.is_system or (
            self.token is not None
            and self.token.grants_deployment(
                deployment.name,
                is_branch=deployment.is_branch,
                repository=deployment.repository,
                owner=deployment.project,
            )
        )

    @property
    def project(self) -> Project | None:
        """The repository of a CI job; ``None`` for everybody else."""
        return None if self.token is None else self.token.own_project

    def grants_full(self, name: str) -> bool:
        """Whether it may see a full deployment of that name, which need not exist."""
        return self.is_system or (
            self.token is not None and self.token.grants_deployment(name, is_branch=False)
        )

    def grants_queue(self, queue: str | None) -> bool:
        """Whether it may take work from this agent queue."""
        return self.is_system or (self.token is not None and self.token.grants_queue(queue))

    def require_name(self, name: str) -> None:
        """Refuse unless the actor may see a full deployment of that name, which need not exist.

        Raises:
            ForbiddenError: with a sentence for the caller.
        """
        if not self.is_system:
            self._held().require_deployment(name, is_branch=False)

    def require_deployment(self, deployment: Deployment) -> None:
        """Refuse unless the actor may see a deployment.

        Raises:
            ForbiddenError: with a sentence for the caller.
        """
        if not self.is_system:
            self._held().require_deployment(
                deployment.name,
                is_branch=deployment.is_branch,
                repository=deployment.repository,
                owner=deployment.project,
            )

    def require_branch(self, name: str, repository: str) -> None:
        """Refuse unless the actor is a user who may use branch deployments of a repository.

        Args:
            name: of the branch deployment, which need not exist.
            repository: as the CLI reports it.

        Raises:
            ForbiddenError: with a sentence for the caller.
        """
        if not self.is_system:
            self._held().require_branches_of(name, repository)
            self._require_user()

    def require_change(self, deployment: Deployment, what: str) -> None:
        """Refuse unless the actor is a user who may change the whole deployment.

        Args:
            deployment: the one to change.
            what: the act, as the subject of a sentence.

        Raises:
            ForbiddenError: with a sentence for the caller.
        """
        self.require_locations(deployment, ())
        self.require_whole(what)

    def require_locations(self, deployment: Deployment, names: Iterable[str]) -> None:
        """Refuse unless the actor is a user who may change these locations of a deployment.

        Raises:
            ForbiddenError: with a sentence for the caller.
        """
        if self.is_system:
            return
        self.require_deployment(deployment)
        self._require_user().require_locations(names)

    def sees_location(self, name: str) -> bool:
        """Whether a code location is among those that it may see, of a deployment that it may."""
        return self.is_system or (self.token is not None and self.token.grants_location(name))

    def require_touched(self, deployment: Deployment, names: Iterable[str], what: str) -> None:
        """Refuse unless the actor is a user who may change all locations that something touches.

        Args:
            deployment: of the locations.
            names: of the locations, which a refusal does not repeat.
            what: touches them, as the subject of a sentence.

        Raises:
            ForbiddenError: with a sentence for the caller.
        """
        self.require_locations(deployment, ())
        if not all(map(self.sees_location, names)):
            self.require_whole(what)

    def require_sight(self, deployment: Deployment, names: Iterable[str]) -> None:
        """Refuse unless the actor may see these locations of a deployment.

        Raises:
            ForbiddenError: with a sentence for the caller, whether or not they exist.
        """
        self.require_deployment(deployment)
        if not self.is_system:
            self._held().require_locations(names, to="look at")

    def require_reading(self, deployment: Deployment, what: str) -> None:
        """Refuse unless the actor may see a whole deployment, not only some of its locations.

        Args:
            deployment: to look at.
            what: the view, as the subject of a sentence.

        Raises:
            ForbiddenError: with a sentence for the caller.
        """
        self.require_deployment(deployment)
        self.require_whole(what)

    def grants_locations(self, deployment: Deployment, names: Iterable[str]) -> bool:
        """Whether it is a user who may change these locations of a deployment."""
        try:
            self.require_locations(deployment, names)
        except ForbiddenError:
            return False
        return True

    def require_agent(self, deployment: Deployment | None = None) -> None:
        """Refuse everybody but agents; with a deployment, everybody but its agents.

        Raises:
            ForbiddenError: with a sentence for the caller.
        """
        if self.is_system:
            return
        token = self._held()
        if token.kind is not TokenKind.AGENT:
            raise ForbiddenError(
                f"Token {token.name!r} is a user token, and this is for agents. "
                "Create an agent token with `dagstead token create --kind agent`."
            )
        if deployment is not None:
            self.require_deployment(deployment)

    def require_organization(self, what: str) -> None:
        """Refuse everybody whose token is limited in any way.

        Args:
            what: the act, as the subject of a sentence.

        Raises:
            ForbiddenError: with a sentence for the caller.
        """
        if not self.is_unlimited:
            token = self._held()
            limits = "an agent" if token.kind is TokenKind.AGENT else token.describe_deployments()
            raise ForbiddenError(
                f"{what} needs a token for all deployments. Token {token.name!r} is limited to: "
                f"{limits}. Create one with `dagstead token create --kind user`."
            )

    def require_system(self, what: str) -> None:
        """Refuse everybody but the control plane itself.

        Raises:
            ForbiddenError: with a sentence for the caller.
        """
        if not self.is_system:
            raise ForbiddenError(f"{what} is for the control plane itself only.")

    def require_holding(self, grant: Grant) -> None:
        """Refuse to grant more than the actor holds.

        Raises:
            ForbiddenError: with a sentence for the caller.
        """
        if self.is_system:
            return
        token = self._held()
        excess = token.excess(grant)
        if excess:
            raise ForbiddenError(
                f"Token {token.name!r} cannot grant more than it holds, and this grants more: "
                f"{excess}. Limit what you grant, or use a token that holds it."
            )

    def cut_queues(self, claimed: Iterable[str | None]) -> frozenset[str | None]:
        """The claimed queues, as far as they are granted.

        Raises:
            ForbiddenError: when none of them is, with a sentence for the agent's log.
        """
        asked = list(claimed)
        granted = frozenset(queue for queue in asked if self.grants_queue(queue))
        if asked and not granted:
            token = self._held()
            raise ForbiddenError(
                f"Agent token {token.name!r} may not serve: "
                f"{', '.join(map(describe_queue, asked))}. It may serve: "
                f"{token.describe_queues()}. Change agent_queues in the agent's dagster.yaml, or "
                "create a token that may with `dagstead token create --kind agent --queue …`."
            )
        return granted

    def require_whole(self, what: str) -> None:
        """Refuse callers without a token, and those who are limited to locations.

        Args:
            what: the act, as the subject of a sentence.

        Raises:
            ForbiddenError: with a sentence for the caller.
        """
        if not self.is_system:
            self._held().require_more_than_deploying(what)

    def require_user(self) -> None:
        """Refuse agents.

        Raises:
            ForbiddenError: with a sentence for the caller.
        """
        if not self.is_system:
            self._require_user()

    def _require_user(self) -> Token:
        token = self._held()
        if token.kind is not TokenKind.USER:
            raise ForbiddenError(
                f"Token {token.name!r} is an agent token, and this is for people and the CLI. "
                "Create a user token with `dagstead token create --kind user`."
            )
        return token

    def _held(self) -> Token:
        if self.token is None:
            raise ForbiddenError("This needs a token, and the call had none.")
        return self.token


#: What the control plane does by itself.
SYSTEM = Actor(name="the control plane", is_system=True)
#: Those who may read and write the data folder may do everything.
COMMAND_LINE = Actor(name="the command line", is_system=True)
#: A caller without a token.
NOBODY = Actor(name="nobody")
