"""A token that somebody asks for, and what it will grant."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from dagstead.errors import InvalidInputError
from dagstead.plane.lifetimes import FOREVER, Lifetime
from dagstead.plane.names import check_queue_name
from dagstead.plane.roles import ADMIN, Roles
from dagstead.plane.tokens import PERSON_SECONDS, Grant, TokenKind

#: Unless somebody says otherwise.
_OF_PEOPLE = Lifetime(seconds=PERSON_SECONDS)


@dataclass(frozen=True, kw_only=True, slots=True)
class NewToken:
    """A token that does not exist yet."""

    name: str
    kind: TokenKind
    #: ``None`` means all deployments.
    deployments: Collection[str] | None = None
    #: ``None`` grants them if no deployment is named, and only then.
    branch_deployments: bool | None = None
    #: Agent tokens only: ``None`` means all queues, unless ``default_queue`` is set.
    queues: Collection[str] | None = None
    #: Agent tokens only: ``None`` grants it if no queue is named, and only then.
    default_queue: bool | None = None
    #: ``None`` is 90 days for people, and for ever for agents.
    lifetime: Lifetime | None = None
    #: User tokens only: the kinds of secrets whose values it may show (``plane.secrets``); ``None``
    #: is those for people.
    secret_values: Collection[str] | None = None
    #: User tokens only; ``None`` is that it may do everything that it grants.
    roles: Roles | None = None

    def grant(self, now: float) -> Grant:
        """What the token grants.

        Raises:
            InvalidInputError: for a user token with queues, an agent token with roles, and for a
                token that grants nothing.
        """
        is_everywhere = self.deployments is None
        branches = is_everywhere if self.branch_deployments is None else self.branch_deployments
        self._check_kind(is_limited=not (is_everywhere and branches))
        if not is_everywhere and not self.deployments and not branches:
            msg = "The token would grant no deployment at all. Name one with --deployment."
            raise InvalidInputError(msg)
        return Grant(
            deployments=None if self.deployments is None else frozenset(self.deployments),
            branch_deployments=branches,
            queues=self._queues(),
            expires_at=(self.lifetime or usual_lifetime(self.kind)).ends_at(now),
            secret_values=self._secret_values(),
            roles=self._roles(),
        )

    def _check_kind(self, *, is_limited: bool) -> None:
        if self.kind is TokenKind.USER and not (self.queues is None and self.default_queue is None):
            msg = "Only agent tokens have queues, and those for metrics. Leave --queue out."
            raise InvalidInputError(msg)
        if self.kind is TokenKind.POOL and self._names_queues:
            msg = "A managed pool serves the default queue only. Leave --queue out."
            raise InvalidInputError(msg)
        if self.kind is TokenKind.METRICS and is_limited:
            msg = "Metrics are numbers of all deployments. Leave --deployment and the like out."
            raise InvalidInputError(msg)

    @property
    def _names_queues(self) -> bool:
        return bool(self.queues) or self.default_queue is False

    def _secret_values(self) -> frozenset[str] | None:
        if self.secret_values is not None and self.kind is not TokenKind.USER:
            msg = "Agents get the secrets of what they serve. Leave --secret-values out."
            raise InvalidInputError(msg)
        return None if self.secret_values is None else frozenset(self.secret_values)

    def _roles(self) -> Roles:
        if self.roles is None:
            return ADMIN
        if self.kind is not TokenKind.USER:
            msg = "Roles are for people and CI, not for agents. Leave --role and --branch-role out."
            raise InvalidInputError(msg)
        return self.roles

    def _queues(self) -> frozenset[str | None] | None:
        if self.kind is TokenKind.POOL:
            return frozenset({None})
        if self.queues is None and self.default_queue is None:
            return None
        if not self.queues and not self.default_queue:
            msg = "--no-default-queue without --queue grants no queue at all. Name one."
            raise InvalidInputError(msg)
        named: set[str | None] = {check_queue_name(queue) for queue in self.queues or ()}
        return frozenset({*named, None} if self.default_queue else named)


def usual_lifetime(kind: TokenKind) -> Lifetime:
    """How long a token lives for which nobody has said that."""
    return _OF_PEOPLE if kind is TokenKind.USER else FOREVER
