"""The holder of a token: which deployments, and in which role."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn

from dagstead.errors import ForbiddenError
from dagstead.plane.deployments import Deployment
from dagstead.plane.projects import Project
from dagstead.plane.roles import Permission, Role
from dagstead.plane.tokens import Grant, Token, TokenKind


@dataclass(frozen=True, kw_only=True, slots=True)
class Holder:
    """Somebody with a token, without one, or the system itself."""

    #: For records of its acts.
    name: str
    token: Token | None = None
    is_system: bool = False

    @property
    def is_unlimited(self) -> bool:
        """Whether it may act on the whole organization."""
        return self.is_system or (self.token is not None and self.token.is_unlimited)

    @property
    def is_user(self) -> bool:
        """Whether it is a person or the CLI."""
        return self.token is not None and self.token.kind is TokenKind.USER

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
            role, where = roles.most, None
        else:
            role = roles.somewhere(deployment.name, is_branch=deployment.is_branch)
            where = deployment.name
        if not role.includes(permission.least):
            self.refuse_role(permission, role, where)

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

    def refuse_role(self, permission: Permission, role: Role, place: str | None) -> NoReturn:
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
            f"Token {token.name!r} has the role {role}{where}. It takes the role {least} to "
            f"{permission.description}. Create a token that has it with `dagstead {way} --role "
            f"{wanted}`."
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

    def refuse_code(self, what: str) -> None:
        """Refuse user code in a managed pool.

        Args:
            what: the act, as the subject of a sentence.

        Raises:
            ForbiddenError: with a sentence for the caller.
        """
        if self.token is not None and self.token.worker is not None:
            raise ForbiddenError(
                f"{what} is not for code in the managed pool, such as the {self.token.worker.name}."
            )

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
                f"Token {token.name!r} is {token.kind.described}, and this is for people and the "
                "CLI. Create a user token with `dagstead token create --kind user`."
            )
        return token

    def _held(self) -> Token:
        if self.token is None:
            raise ForbiddenError("This needs a token, and the call had none.")
        return self.token
