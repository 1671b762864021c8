"""Tokens: who calls, and what that caller may do. Claims are limited to grants here."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from dagstead.errors import ForbiddenError
from dagstead.model.queues import describe_queue
from dagstead.plane.reach import NOTHING, Reach


class TokenKind(StrEnum):
    """Agents and users call different surfaces."""

    AGENT = "agent"
    USER = "user"


@dataclass(frozen=True, kw_only=True, slots=True)
class Grant:
    """What a new token may do; see :class:`Token`."""

    deployments: Collection[str] | None = None
    queues: Collection[str | None] | None = None
    branch_deployments: bool = True
    expires_at: float | None = None
    repository: str | None = None
    locations: Collection[str] | None = None
    secret_values: Collection[str] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Token:
    """A stored token, without its secret: that is shown once, and never stored."""

    id: int
    name: str
    kind: TokenKind
    #: ``None`` grants every deployment.
    deployments: frozenset[str] | None
    #: Agent tokens only: ``None`` grants every queue; ``None`` *in* the set is the default queue.
    queues: frozenset[str | None] | None
    #: Whether it grants all branch deployments as well.
    branch_deployments: bool
    created_at: float
    revoked_at: float | None
    last_used_at: float | None
    #: Tokens of CI expire.
    expires_at: float | None = None
    #: Tokens of CI: the repository whose branch deployments it grants; ``None`` is all of them.
    repository: str | None = None
    #: Tokens of CI: ``None`` grants every location. With names, the token can deploy these
    #: locations and do nothing else.
    locations: frozenset[str] | None = None
    #: User tokens: the kinds of secrets whose values it may show; ``None`` is by its kind
    #: (``plane.secrets``).
    secret_values: frozenset[str] | None = None
    #: Tokens for all deployments: the grants that remain when that one is removed.
    beside: Reach = NOTHING

    @property
    def reach(self) -> Reach:
        """The grants of deployments, as single ones."""
        if self.deployments is None:
            return replace(self.beside, organization=True)
        return Reach(deployments=self.deployments, branch_deployments=self.branch_deployments)

    @property
    def is_unlimited(self) -> bool:
        """Whether its holder may act on the whole organization."""
        return self.kind is TokenKind.USER and self.deployments is None and self.locations is None

    def excess(self, grant: Grant) -> str | None:
        """What a grant allows and this token does not; ``None`` when there is nothing."""
        own_branches = self.branch_deployments or self.deployments is None
        wider = {
            "deployments": _is_wider(grant.deployments, self.deployments),
            "agent queues": _is_wider(grant.queues, self.queues),
            "code locations": _is_wider(grant.locations, self.locations),
            "branch deployments": grant.branch_deployments
            and (not own_branches or self.repository not in {None, grant.repository}),
            "a longer life": self.expires_at is not None
            and (grant.expires_at is None or grant.expires_at > self.expires_at),
        }
        return next((what for what, is_wider in wider.items() if is_wider), None)

    def is_valid_at(self, now: float) -> bool:
        """Whether it is neither revoked nor expired at a given time."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def grants_deployment(
        self, name: str, *, is_branch: bool, repository: str | None = None
    ) -> bool:
        """Whether its holder may serve or see this deployment.

        Args:
            name: of the deployment.
            is_branch: whether it is a branch deployment.
            repository: of a branch deployment, as the CLI reported it.
        """
        if is_branch and self.branch_deployments:
            return self.repository is None or self._is_own(repository)
        return self.deployments is None or name in self.deployments

    def _is_own(self, repository: str | None) -> bool:
        # Official clients name a GitLab project without its groups.
        own = self.repository or ""
        return repository in {own, own.rsplit("/", maxsplit=1)[-1]}

    def grants_queue(self, queue: str | None) -> bool:
        """Whether its holder may take requests from this queue."""
        return self.queues is None or queue in self.queues

    def cut_queues(self, claimed: Iterable[str | None]) -> frozenset[str | None]:
        """The claimed queues, as far as they are granted."""
        return frozenset(queue for queue in claimed if self.grants_queue(queue))

    def require_deployment(
        self, name: str, *, is_branch: bool, repository: str | None = None
    ) -> None:
        """Refuse unless the deployment is granted; see :meth:`grants_deployment`.

        Raises:
            ForbiddenError: with the sentence for the caller.
        """
        if not self.grants_deployment(name, is_branch=is_branch, repository=repository):
            way = f"token create --kind {self.kind}" if self.repository is None else "trust add …"
            msg = (
                f"Token {self.name!r} may not use deployment {name!r}. It may use: "
                f"{self.describe_deployments()}. Create one that may with "
                f"`dagstead {way} --deployment {name}`."
            )
            raise ForbiddenError(msg)

    def require_more_than_deploying(self, what: str) -> None:
        """Refuse a token that is limited to locations.

        Args:
            what: as the subject of a sentence.

        Raises:
            ForbiddenError: with the sentence for the caller.
        """
        if self.locations is not None:
            msg = (
                f"Token {self.name!r} may only deploy {', '.join(sorted(self.locations))}, and "
                f"{what} is not part of that. A trust policy without --location grants it."
            )
            raise ForbiddenError(msg)

    def require_locations(self, names: Iterable[str]) -> None:
        """Refuse unless all of these locations are granted.

        Raises:
            ForbiddenError: with the sentence for the caller.
        """
        if self.locations is None:
            return
        others = sorted(set(names) - self.locations)
        if others:
            msg = (
                f"Token {self.name!r} may not change location {others[0]!r}. It may deploy: "
                f"{', '.join(sorted(self.locations))}. On the server, a policy with "
                f"`dagstead trust add --location {others[0]}` grants it."
            )
            raise ForbiddenError(msg)

    def describe_deployments(self) -> str:
        """The granted deployments, for people."""
        names = ["all"] if self.deployments is None else sorted(self.deployments)
        if self.branch_deployments and self.deployments is not None:
            own = "" if self.repository is None else f" of {self.repository}"
            names.append(f"branch deployments{own}")
        return ", ".join(names) or "none"

    def describe_queues(self) -> str:
        """The granted queues, for people."""
        if self.queues is None:
            return "all"
        return ", ".join(describe_queue(queue) for queue in sorted(self.queues, key=str))


@dataclass(frozen=True, kw_only=True, slots=True)
class IssuedToken:
    """A stored token together with its secret, which is shown only this once."""

    token: Token
    secret: str = field(repr=False)


def _is_wider(
    wanted: Collection[str] | Collection[str | None] | None,
    held: frozenset[str] | frozenset[str | None] | None,
) -> bool:
    """Whether a set has more than another one; ``None`` is everything."""
    return held is not None and (wanted is None or not set(wanted) <= held)


def new_secret(kind: TokenKind, organization: str) -> str:
    """A new secret. Agents require three parts separated by colons (auth/constants.py)."""
    return f"{kind}:{organization}:{secrets.token_hex(24)}"


def hash_secret(secret: str) -> str:
    """The hash that is stored. A secret has 192 random bits, so that a plain hash is safe."""
    return hashlib.sha256(secret.encode()).hexdigest()
