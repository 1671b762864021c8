"""Who holds a token, what it grants, and in which role."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn, Self

from dagstead.errors import ForbiddenError
from dagstead.plane.deployments import Deployment
from dagstead.plane.locations import Location
from dagstead.plane.pex_files import Uploader
from dagstead.plane.projects import Project
from dagstead.plane.requests import Request
from dagstead.plane.roles import Permission, Role
from dagstead.plane.tokens import Token, TokenKind
from dagstead.plane.workers import Worker


@dataclass(frozen=True, kw_only=True, slots=True)
class Holder:
    """The holder of a token, or the system itself; or nobody, who has no token."""

    #: For records of its acts.
    name: str
    token: Token | None = None
    is_system: bool = False
    #: Of the client that asks.
    address: str | None = None

    @classmethod
    def holding(cls, token: Token, address: str | None = None) -> Self:
        """The holder of a token, at the address of a client."""
        return cls(name=token.name, token=token, address=address)

    @property
    def is_unlimited(self) -> bool:
        """Whether it may act on the whole organization."""
        return self.is_system or (self.token is not None and self.token.is_unlimited)

    @property
    def sees_organization(self) -> bool:
        """Whether it may see what belongs to the whole organization, in any role."""
        token = self.token
        return self.is_system or (
            token is not None
            and token.kind is TokenKind.USER
            and token.deployments is None
            and token.locations is None
            and token.repository is None
        )

    @property
    def is_user(self) -> bool:
        """Whether it is a person or the CLI."""
        return self.token is not None and self.token.kind is TokenKind.USER

    @property
    def worker(self) -> Worker | None:
        """What it runs for, if it is user code in a managed pool."""
        return None if self.token is None else self.token.worker

    @property
    def serves_all_deployments(self) -> bool:
        """Whether it may take the work of the default queue in every deployment, as the pool."""
        token = self.token
        is_everywhere = token is not None and token.deployments is None
        return self.is_system or (is_everywhere and self.grants_queue(None))

    @property
    def uploader(self) -> Uploader:
        """Whose files it stores, and uses.

        Raises:
            ForbiddenError: when it has no token.
        """
        return Uploader() if self.is_system else Uploader.of(self._held())

    @property
    def is_of_locations(self) -> bool:
        """Whether it may deploy some code locations, and nothing besides."""
        return self.token is not None and self.token.locations is not None

    def grants(self, deployment: Deployment) -> bool:
        """Whether it may see this deployment, and is not just code of it."""
        return self.is_system or (
            self.token is not None
            and self.token.worker is None
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

    @property
    def serves_every_queue(self) -> bool:
        """Whether no queue is closed to it, so that its rights end with the deployment.

        User code of a managed pool is not limited to queues: its rights are those of its worker.
        """
        token = self.token
        return self.is_system or (
            token is not None and (token.queues is None or token.worker is not None)
        )

    def reaches(self, location: Location) -> bool:
        """Whether it may serve a location: the live deploy of it, or the one that is loading."""
        return any(map(self.grants_queue, location.queues))

    def leases(self, request: Request) -> bool:
        """Whether it is the one that has taken a request, and may answer it."""
        return self.is_system or (self.token is not None and request.leased_by == self.token.id)

    def sees_location(self, name: str) -> bool:
        """Whether a code location is among those that it may see, of a deployment that it may."""
        return self.is_system or (self.token is not None and self.token.grants_location(name))

    def role_in(self, deployment: Deployment) -> Role:
        """What it is in a whole deployment; that of agents is what their kind of token allows."""
        if self.is_system:
            return Role.ADMIN
        if self.token is None:
            return Role.VIEWER
        return self.token.roles.of(deployment.name, is_branch=deployment.is_branch)

    def role_at(self, deployment: Deployment, location: str) -> Role:
        """What it is at a code location, which need not exist."""
        if self.is_system or self.token is None:
            return self.role_in(deployment)
        return self.token.roles.at(deployment.name, location, is_branch=deployment.is_branch)

    def require_permission(
        self, permission: Permission, deployment: Deployment, locations: Iterable[str] = ()
    ) -> None:
        """Refuse unless its roles allow something in a deployment.

        Which deployments and locations it may use at all is another question.

        Args:
            permission: that is needed.
            deployment: where.
            locations: that it concerns; none is the whole deployment.

        Raises:
            ForbiddenError: with a sentence for the caller.
        """
        if self.role_in(deployment).includes(permission.least):
            return
        names = list(locations)
        for name in names:
            role = self.role_at(deployment, name)
            if not role.includes(permission.least):
                self.refuse_role(permission, role, f"{deployment.name}/{name}")
        if not names:
            self.refuse_role(permission, self.role_in(deployment), deployment.name)

    def require_permission_somewhere(
        self, permission: Permission, deployment: Deployment | None = None
    ) -> None:
        """Refuse unless its roles allow something in a part of a deployment, or anywhere.

        Args:
            permission: that is needed.
            deployment: that, or one of its locations; ``None`` is any.

        Raises:
            ForbiddenError: with a sentence for the caller.
        """
        if self.is_system:
            return
        roles = self._held().roles
        if deployment is None:
            role, whole, where = roles.most, roles.least, None
        else:
            role = roles.somewhere(deployment.name, is_branch=deployment.is_branch)
            whole, where = self.role_in(deployment), deployment.name
        if not role.includes(permission.least):
            at_most = "" if role is whole else "at most "
            self.refuse_role(permission, role, where, at_most)

    def require_branch_role(self, name: str) -> None:
        """Refuse unless its roles allow to make a branch deployment of that name.

        Raises:
            ForbiddenError: with a sentence for the caller.
        """
        role = self._held().roles.of(name, is_branch=True)
        if not role.includes(Permission.BRANCH.least):
            self.refuse_role(Permission.BRANCH, role, name)

    def require_permission_everywhere(self, permission: Permission) -> None:
        """Refuse unless its roles allow something in all that its token grants.

        Raises:
            ForbiddenError: with a sentence for the caller.
        """
        if self.is_system:
            return
        role = self._held().roles.least
        if not role.includes(permission.least):
            self.refuse_role(permission, role, None)

    def refuse_role(
        self, permission: Permission, role: Role, place: str | None, at_most: str = ""
    ) -> NoReturn:
        """Refuse for the lack of a role, which ``place`` says where.

        Raises:
            ForbiddenError: with a sentence for the caller.
        """
        token = self._held()
        least = permission.least
        way = "token create" if token.repository is None else "trust add"
        wanted = least if place is None else f"{place}={least}"
        where = "" if place is None else f" in {place}"
        raise ForbiddenError(
            f"Token {token.name!r} has {at_most}the role {role}{where}. It takes the role {least} "
            f"to {permission.description}. Create a token that has it with `dagstead {way} --role "
            f"{wanted}`."
        )

    def refuse_code(self, what: str) -> None:
        """Refuse user code in a managed pool.

        Args:
            what: the act, as the subject of a sentence.

        Raises:
            ForbiddenError: with a sentence for the caller.
        """
        if self.worker is not None:
            raise ForbiddenError(
                f"{what} is not for code in the managed pool, such as the {self.worker.name}."
            )

    def require_queues(self, what: str) -> None:
        """Refuse everybody but users who may change queues, which all deployments share.

        Args:
            what: the act, as the subject of a sentence.

        Raises:
            ForbiddenError: with a sentence for the caller.
        """
        if self.is_system:
            return
        self.refuse_code(what)
        token = self._require_user()
        if not self.sees_organization:
            raise ForbiddenError(
                f"{what} needs a token for all deployments, which share the queues. Token "
                f"{token.name!r} is limited to: {token.described}. Create one with `dagstead token "
                "create --kind user`."
            )
        self.require_permission_everywhere(Permission.QUEUES)

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
                f"Token {token.name!r} is {token.kind.described}, and this is for people and the "
                "CLI. Create a user token with `dagstead token create --kind user`."
            )
        return token

    def _held(self) -> Token:
        if self.token is None:
            raise ForbiddenError("This needs a token, and the call had none.")
        return self.token
