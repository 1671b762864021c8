"""Tokens: who calls, and what that caller may do. Claims are limited to grants here."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from dagstead.errors import ForbiddenError
from dagstead.model.queues import describe_queue
from dagstead.plane.projects import Project
from dagstead.plane.reach import NOTHING, Reach
from dagstead.plane.roles import ADMIN, Role, Roles
from dagstead.plane.token_texts import new_part
from dagstead.plane.workers import Worker


class TokenKind(StrEnum):
    """Who holds a token. Agents and users call different surfaces."""

    AGENT = "agent"
    USER = "user"
    #: The agent of the managed pool. What counts as the pool is decided by this alone.
    POOL = "pool"
    #: User code that the managed pool runs: a code server, or the worker of one run.
    WORKER = "worker"
    #: What reads metrics and how much queues have to do, and nothing else.
    METRICS = "metrics"

    @property
    def described(self) -> str:
        """With its article, for sentences."""
        return f"{'an' if self is TokenKind.AGENT else 'a'} {self} token"


#: Those who take work.
AGENTS = frozenset({TokenKind.AGENT, TokenKind.POOL})


class PoolReach(StrEnum):
    """The deployments that a managed pool serves."""

    ALL = "all"
    FULL = "full"
    BRANCHES = "branches"


class HeldKind(StrEnum):
    """The kinds of tokens that people give out; those of workers are made by the server."""

    AGENT = "agent"
    USER = "user"
    POOL = "pool"
    METRICS = "metrics"


@dataclass(frozen=True, kw_only=True, slots=True)
class Grant:
    """What a new token may do; see :class:`Token`."""

    deployments: Collection[str] | None = None
    queues: Collection[str | None] | None = None
    branch_deployments: bool = True
    expires_at: float | None = None
    repository: str | None = None
    locations: Collection[str] | None = None
    #: What was verified of ``repository``.
    project: Project | None = None
    is_pull_request: bool = False
    secret_values: Collection[str] | None = None
    roles: Roles = ADMIN


#: How long the tokens of people live, unless somebody says otherwise.
PERSON_SECONDS = 90 * 86400.0
#: Their end is announced so long before, and no sooner than in the last fifth of their life.
SOON_SECONDS = 14 * 86400.0
_SOON_SHARE = 0.2
_MOMENT_SECONDS = 3600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class SeenUse:
    """When an address has last used a token, to about a minute."""

    address: str
    at: float


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
    #: Whether it grants branch deployments as well: all, or those of its repository.
    branch_deployments: bool
    created_at: float
    revoked_at: float | None
    last_used_at: float | None
    #: ``None`` is never. A former secret ends sooner than the token.
    expires_at: float | None = None
    #: Tokens of CI: the repository whose branch deployments it grants; ``None`` is all of them.
    repository: str | None = None
    #: Tokens of CI: ``None`` grants every location. With names, the token can deploy these
    #: locations, read what that needs, and do nothing else.
    locations: frozenset[str] | None = None
    #: Tokens of CI: what was verified of ``repository``.
    project: Project | None = None
    #: User tokens: the kinds of secrets whose values it may show; ``None`` is by its kind
    #: (``plane.secrets``).
    secret_values: frozenset[str] | None = None
    #: Tokens for all deployments: the grants that remain when that one is removed.
    beside: Reach = NOTHING
    #: Tokens of workers: what the process is for.
    worker: Worker | None = None
    #: Tokens of CI: whether the job runs for a pull request or merge request.
    is_pull_request: bool = False
    #: User tokens: how much they may do in what they grant.
    roles: Roles = ADMIN
    #: When it got the secret that it has; ``None`` is when it was created.
    rotated_at: float | None = None
    #: From where it was used, the newest first.
    used_from: tuple[SeenUse, ...] = ()

    @property
    def grant(self) -> Grant:
        """What it may do: whoever is shown its secret may do so, too."""
        return Grant(
            deployments=self.deployments,
            queues=self.queues,
            branch_deployments=self.branch_deployments,
            expires_at=self.expires_at,
            repository=self.repository,
            locations=self.locations,
            is_pull_request=self.is_pull_request,
            project=self.project,
            secret_values=self.secret_values,
            roles=self.roles,
        )

    @property
    def lifetime_seconds(self) -> float | None:
        """How long its secret lives in all; ``None`` is for ever."""
        if self.expires_at is None:
            return None
        return self.expires_at - (self.rotated_at or self.created_at)

    @property
    def is_temporary(self) -> bool:
        """Whether it was made to live shorter than people's tokens do."""
        lifetime = self.lifetime_seconds
        # Its end was computed a moment before it was stored.
        return lifetime is not None and lifetime < PERSON_SECONDS - _MOMENT_SECONDS

    def ends_soon(self, now: float) -> bool:
        """Whether it is valid, and somebody should see to what comes after it."""
        if self.expires_at is None or self.repository is not None or not self.is_valid_at(now):
            return False
        share = _SOON_SHARE * (self.lifetime_seconds or 0.0)
        return self.expires_at - now <= min(SOON_SECONDS, share)

    @property
    def reach(self) -> Reach:
        """The grants of deployments, as single ones."""
        if self.deployments is None:
            return replace(self.beside, organization=True)
        return Reach(deployments=self.deployments, branch_deployments=self.branch_deployments)

    @property
    def is_agent(self) -> bool:
        """Whether an agent holds it: one that users run, or the managed pool's."""
        return self.kind in AGENTS

    @property
    def is_unlimited(self) -> bool:
        """Whether its holder may act on the whole organization."""
        is_everywhere = self.deployments is None and self.locations is None
        return self.kind is TokenKind.USER and is_everywhere and self.roles.least is Role.ADMIN

    def excess(self, grant: Grant) -> str | None:
        """What a grant allows and this token does not; ``None`` when there is nothing."""
        wider = {
            "deployments": _is_wider(grant.deployments, self.deployments),
            "agent queues": _is_wider(grant.queues, self.queues),
            "code locations": _is_wider(grant.locations, self.locations),
            "branch deployments": grant.branch_deployments
            and not (self.branch_deployments and self.repository in {None, grant.repository}),
            "a more powerful role": not self.roles.least.includes(grant.roles.most),
            # People's tokens end, and those of the agents that they set up need not.
            "a longer life": self.is_temporary
            and self.expires_at is not None
            and (grant.expires_at is None or grant.expires_at > self.expires_at),
        }
        return next((what for what, is_wider in wider.items() if is_wider), None)

    def is_valid_at(self, now: float) -> bool:
        """Whether it is neither revoked nor expired at a given time."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def grants_deployment(
        self,
        name: str,
        *,
        is_branch: bool,
        repository: str | None = None,
        owner: Project | None = None,
    ) -> bool:
        """Whether its holder may serve or see this deployment.

        Args:
            name: of the deployment.
            is_branch: whether it is a branch deployment.
            repository: of a branch deployment, as the CLI reported it.
            owner: the verified project of a branch deployment, if it has one.
        """
        if self.worker is not None:
            return name == self.worker.deployment
        if self.kind is TokenKind.METRICS:
            return False
        is_named = self.deployments is not None and name in self.deployments
        if not is_branch:
            return is_named or self.deployments is None
        return is_named or (self.branch_deployments and self._owns(owner, repository))

    def _owns(self, owner: Project | None, repository: str | None) -> bool:
        own = self.own_project
        return own is None or own.owns(owner, repository)

    @property
    def own_project(self) -> Project | None:
        """The repository whose branch deployments it grants; ``None`` is all of them."""
        if self.project is None and self.repository is not None:
            return Project(path=self.repository)
        return self.project

    def require_branches_of(self, name: str, repository: str) -> None:
        """Refuse unless the branch deployments of a repository are granted.

        Args:
            name: of the branch deployment, which need not exist.
            repository: as the client reports it.

        Raises:
            ForbiddenError: with the sentence for the caller.
        """
        own = self.own_project
        if own is None:
            self.require_deployment(name, is_branch=True)
        elif not self.branch_deployments or not own.may_report(repository):
            raise ForbiddenError(self._not_granted(name, f" of {repository!r}", is_branch=True))

    def grants_queue(self, queue: str | None) -> bool:
        """Whether its holder may take requests from this queue."""
        return self.queues is None or queue in self.queues

    def cut_queues(self, claimed: Iterable[str | None]) -> frozenset[str | None]:
        """The claimed queues, as far as they are granted."""
        return frozenset(queue for queue in claimed if self.grants_queue(queue))

    def require_deployment(
        self,
        name: str,
        *,
        is_branch: bool,
        repository: str | None = None,
        owner: Project | None = None,
    ) -> None:
        """Refuse unless the deployment is granted; see :meth:`grants_deployment`.

        Raises:
            ForbiddenError: with the sentence for the caller.
        """
        if self.worker is not None and name != self.worker.deployment:
            raise ForbiddenError(
                f"The {self.worker.name} may not use deployment {name!r}: code in the managed pool "
                "has a token for its own deployment only."
            )
        if not self.grants_deployment(
            name, is_branch=is_branch, repository=repository, owner=owner
        ):
            raise ForbiddenError(self._not_granted(name, is_branch=is_branch))

    def _not_granted(self, name: str, of: str = "", *, is_branch: bool) -> str:
        way = f"token create --kind {self.kind}" if self.repository is None else "trust add …"
        option = "--branch-deployments" if is_branch else f"--deployment {name}"
        return (
            f"Token {self.name!r} may not use deployment {name!r}{of}. It may use: "
            f"{self.describe_deployments()}. Create one that may with `dagstead {way} {option}`."
        )

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

    def grants_location(self, name: str) -> bool:
        """Whether its holder may deploy, and see, a code location."""
        return self.locations is None or name in self.locations

    def require_locations(self, names: Iterable[str], to: str = "change") -> None:
        """Refuse unless all of these locations are granted.

        Args:
            names: of locations, which need not exist.
            to: what is asked for, as a verb.

        Raises:
            ForbiddenError: with the sentence for the caller.
        """
        if self.locations is None:
            return
        others = sorted(set(names) - self.locations)
        if others:
            msg = (
                f"Token {self.name!r} may not {to} location {others[0]!r}. It may deploy: "
                f"{', '.join(sorted(self.locations))}. On the server, a policy with "
                f"`dagstead trust add --location {others[0]}` grants it."
            )
            raise ForbiddenError(msg)

    def describe_deployments(self) -> str:
        """The granted deployments, for people."""
        if self.deployments is None and self.branch_deployments and self.repository is None:
            return "all"
        names = ["all full deployments"] if self.deployments is None else sorted(self.deployments)
        if self.branch_deployments:
            own = "" if self.repository is None else f" of {self.repository}"
            names.append(f"branch deployments{own}")
        return ", ".join(names) or "none"

    @property
    def described(self) -> str:
        """The granted deployments, and the roles there if they are less than the highest."""
        if self.roles.least is Role.ADMIN:
            return self.describe_deployments()
        return f"{self.describe_deployments()} (role: {self.roles})"

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


def is_of_agents(secret: str) -> bool:
    """Whether a secret looks like one of agents or their workers; only the store knows."""
    kind, _, _ = secret.partition(":")
    return kind in AGENTS or is_of_worker(secret)


def is_of_worker(secret: str) -> bool:
    """Whether a secret is one of user code in a managed pool, or is not valid at all."""
    return secret.startswith(f"{TokenKind.WORKER}:")


def new_secret(kind: TokenKind, organization: str) -> str:
    """A new secret. Agents require three parts separated by colons (auth/constants.py)."""
    return f"{kind}:{organization}:{new_part()}"


def hash_secret(secret: str) -> str:
    """The hash that is stored. It has 192 random bits or more, so that a plain hash is safe."""
    return hashlib.sha256(secret.encode()).hexdigest()
