"""Who does an act, and what that one may do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dagstead.control.holder import Holder
from dagstead.errors import ForbiddenError
from dagstead.model.queues import describe_queue
from dagstead.plane.deployments import Deployment
from dagstead.plane.launches import RunPlace
from dagstead.plane.locations import Location
from dagstead.plane.roles import Permission
from dagstead.plane.tokens import Grant, TokenKind
from dagstead.plane.workers import Worker


@dataclass(frozen=True, kw_only=True, slots=True)
class Actor(Holder):
    """The holder of a token, or the system itself.

    An actor without a token that is not the system may do nothing: every act refuses callers who
    were not recognised.
    """

    def require_location(
        self, deployment: Deployment, name: str, location: Location | None
    ) -> None:
        """Refuse unless the actor may serve a location of a deployment.

        Args:
            deployment: of the location.
            name: of the location.
            location: as it is stored; ``None`` when the deployment has none of that name, which the
                holder of a limited token does not learn.

        Raises:
            ForbiddenError: with a sentence for the agent's log.
        """
        self.require_reach(deployment)
        worker = self.worker
        if worker is not None and worker.location != name:
            raise ForbiddenError(
                f"The {worker.name} may not act for location {name!r}: code in the managed pool "
                "acts for its own location."
            )
        if self.serves_every_queue or (location is not None and self.reaches(location)):
            return
        token = self._held()
        raise ForbiddenError(
            f"Agent token {token.name!r} may not serve location {name!r} of deployment "
            f"{deployment.name!r}: it is on none of the queues that the token grants "
            f"({token.describe_queues()}). Create a token that may with "
            "`dagstead token create --kind agent --queue …`."
        )

    def require_run(self, deployment: Deployment, place: RunPlace) -> None:
        """Refuse unless the actor may write to a run of a deployment.

        Raises:
            ForbiddenError: with a sentence for the agent's log.
        """
        self.require_reach(deployment)
        if self.serves_every_queue or any(map(self.grants_queue, place.queues)):
            return
        token = self._held()
        if place.stored_by == token.id:
            return
        raise ForbiddenError(
            f"Agent token {token.name!r} may not change run {place.run_id}: it was launched on "
            f"none of the queues that the token grants ({token.describe_queues()})."
        )

    def require_every_queue(self, deployment: Deployment, what: str) -> None:
        """Refuse agents that are limited to queues, and user code in a managed pool.

        Args:
            deployment: the one to change, with what all its locations share.
            what: the act, as the subject of a sentence.

        Raises:
            ForbiddenError: with a sentence for the agent's log.
        """
        self.require_reach(deployment)
        self.refuse_code(what)
        if not self.serves_every_queue:
            token = self._held()
            raise ForbiddenError(
                f"{what} concerns locations of every queue, and agent token {token.name!r} grants "
                f"only: {token.describe_queues()}."
            )

    def require_name(self, name: str) -> None:
        """Refuse unless the actor may see a full deployment of that name, which need not exist.

        Raises:
            ForbiddenError: with a sentence for the caller.
        """
        if not self.is_system:
            self._held().require_deployment(name, is_branch=False)

    def require_deployment(self, deployment: Deployment) -> None:
        """Refuse unless the actor may see a deployment.

        User code that a managed pool runs may not: what it may have of its own deployment begins
        with :meth:`require_reach` or :meth:`require_code`.

        Raises:
            ForbiddenError: with a sentence for the caller.
        """
        self.refuse_code("This")
        self.require_reach(deployment)

    def require_reach(self, deployment: Deployment) -> None:
        """Refuse unless it may see a deployment, or is user code of that deployment.

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
            self._require_user().require_branches_of(name, repository)
            self.require_branch_role(name)

    def require_change(self, deployment: Deployment, what: str, permission: Permission) -> None:
        """Refuse unless the actor is a user who may change the whole deployment.

        Args:
            deployment: the one to change.
            what: the act, as the subject of a sentence.
            permission: that its role needs.

        Raises:
            ForbiddenError: with a sentence for the caller.
        """
        if not self.is_system:
            self.require_deployment(deployment)
            self._require_user()
            self.require_permission(permission, deployment)
        self.require_whole(what)

    def require_locations(self, deployment: Deployment, names: Iterable[str]) -> None:
        """Refuse unless the actor is a user who may deploy these locations of a deployment.

        Args:
            deployment: of the locations.
            names: of the locations; with none of them, the actor has to be one who may deploy
                anything there.

        Raises:
            ForbiddenError: with a sentence for the caller.
        """
        if self.is_system:
            return
        self.require_deployment(deployment)
        wanted = list(names)
        self._require_user().require_locations(wanted)
        self.require_permission_somewhere(Permission.DEPLOY, deployment)
        if wanted:
            self.require_permission(Permission.DEPLOY, deployment, wanted)

    def require_touched(self, deployment: Deployment, names: Iterable[str], what: str) -> None:
        """Refuse unless the actor is a user who may change all locations that something touches.

        Args:
            deployment: of the locations.
            names: of the locations, which a refusal does not repeat.
            what: touches them, as the subject of a sentence.

        Raises:
            ForbiddenError: with a sentence for the caller.
        """
        touched = list(names)
        self.require_locations(deployment, ())
        if not all(map(self.sees_location, touched)):
            self.require_whole(what)
        least = Permission.DEPLOY.least
        if not all(self.role_at(deployment, name).includes(least) for name in touched):
            self.require_permission(Permission.DEPLOY, deployment)

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

        The managed pool's agent is one of them; the code that it runs is not.

        Raises:
            ForbiddenError: with a sentence for the caller.
        """
        if self.is_system:
            return
        self.refuse_code("This")
        token = self._held()
        if not token.is_agent:
            raise ForbiddenError(
                f"Token {token.name!r} is {token.kind.described}, and this is for agents. "
                "Create an agent token with `dagstead token create --kind agent`."
            )
        if deployment is not None:
            self.require_deployment(deployment)

    def require_pool(self, deployment: Deployment | None = None) -> str:
        """Refuse everybody but managed pools; with a deployment, everybody but those that serve it.

        Returns:
            The name of the pool's token.

        Raises:
            ForbiddenError: with a sentence for the caller.
        """
        if self.is_system:
            return self.name
        token = self._held()
        if token.kind is not TokenKind.POOL:
            raise ForbiddenError(
                f"Token {token.name!r} is {token.kind.described}, and this is for managed pools. "
                "Create one with `dagstead token create --kind pool`, and give it to the pool as "
                "DAGSTEAD_POOL_TOKEN."
            )
        if deployment is not None:
            self.require_deployment(deployment)
        return token.name

    def require_code(self, deployment: Deployment) -> Worker | None:
        """Refuse everybody but agents of a deployment, and user code of it that a pool runs.

        Returns:
            What the user code is for; ``None`` for an agent. Code that official agents run comes
            with the token of its agent.

        Raises:
            ForbiddenError: with a sentence for the caller.
        """
        worker = self.worker
        if worker is None:
            self.require_agent(deployment)
        else:
            self.require_reach(deployment)
        return worker

    def require_organization(self, what: str) -> None:
        """Refuse everybody whose token is limited in any way.

        Args:
            what: the act, as the subject of a sentence.

        Raises:
            ForbiddenError: with a sentence for the caller.
        """
        if not self.is_unlimited:
            token = self._held()
            is_user = token.kind is TokenKind.USER
            limits = token.described if is_user else f"an {token.kind}"
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


#: What the control plane does by itself.
SYSTEM = Actor(name="the control plane", is_system=True)
#: Those who may read and write the data folder may do everything.
COMMAND_LINE = Actor(name="the command line", is_system=True)
#: A caller without a token.
NOBODY = Actor(name="nobody")
