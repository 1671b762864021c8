"""Roles: how much the holder of a user token may do in what the token grants.

They have the names and the meaning that they have in Dagster+. Every role includes those before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any

from dagstead.errors import InvalidInputError


class Role(StrEnum):
    """The roles, the least first."""

    VIEWER = "viewer"
    LAUNCHER = "launcher"
    EDITOR = "editor"
    ADMIN = "admin"

    @property
    def rank(self) -> int:
        """Its place among the roles, as their texts have another order."""
        return _RANKS[self]

    def includes(self, other: Role) -> bool:
        """Whether it may do everything that the other one may."""
        return self.rank >= other.rank


_RANKS: Mapping[Role, int] = {role: rank for rank, role in enumerate(Role)}


class Permission(Enum):
    """What roles differ by: the table of permissions."""

    VIEW = ("see deployments, code locations, runs, assets, logs and names of secrets", Role.VIEWER)
    LAUNCH = (
        "launch, re-execute, terminate and delete runs, and launch and cancel backfills",
        Role.LAUNCHER,
    )
    AUTOMATE = ("start, stop, reset and test schedules, sensors and automation", Role.EDITOR)
    CHANGE_DATA = (
        "wipe assets, report their events, and change partitions, pools and components",
        Role.EDITOR,
    )
    DEPLOY = ("deploy, remove, reload and roll back code locations, and store files", Role.EDITOR)
    BRANCH = ("make, update and delete branch deployments", Role.EDITOR)
    CONFIGURE = ("change a deployment's settings", Role.EDITOR)
    ALERTS = ("change, test and silence alert policies", Role.EDITOR)
    SECRETS = ("set and remove secrets, and see the values that the token may show", Role.EDITOR)
    #: All deployments share them: it takes a token for all of them.
    QUEUES = ("make, change, pause, resume and remove queues", Role.EDITOR)
    #: Of the whole organization: it takes a token that is not limited in any way.
    ADMINISTER = (
        "make and delete full deployments, tokens and trust policies, and run the server",
        Role.ADMIN,
    )

    def __init__(self, description: str, least: Role) -> None:
        #: As a verb, for people.
        self.description = description
        #: The least of the roles that have it.
        self.least = least


@dataclass(frozen=True, kw_only=True, slots=True)
class RoleGrant:
    """A role in one place."""

    role: Role
    #: ``None`` is all branch deployments.
    deployment: str | None
    #: ``None`` is the whole deployment.
    location: str | None = None

    @property
    def place(self) -> str:
        """Where it is granted, for people, in the form of the command line."""
        if self.deployment is None:
            return "branch deployments"
        return self.deployment if self.location is None else f"{self.deployment}/{self.location}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Roles:
    """The roles of a token; the default may do everything that the token grants."""

    #: Where ``grants`` say nothing.
    default: Role = Role.ADMIN
    #: At most one for a place. That of a location is more than that of its deployment.
    grants: frozenset[RoleGrant] = frozenset()

    def of(self, deployment: str, *, is_branch: bool) -> Role:
        """The role in a whole deployment."""
        if not self.grants:
            return self.default
        found = {grant.deployment: grant.role for grant in self.grants if grant.location is None}
        return found.get(deployment, self.of_branches if is_branch else self.default)

    def at(self, deployment: str, location: str, *, is_branch: bool) -> Role:
        """The role at a code location of a deployment."""
        here = (
            grant.role
            for grant in self.grants
            if (grant.deployment, grant.location) == (deployment, location)
        )
        return _most([self.of(deployment, is_branch=is_branch), *here])

    def somewhere(self, deployment: str, *, is_branch: bool) -> Role:
        """The most powerful role in a deployment, or at one of its locations."""
        here = (grant.role for grant in self.grants if grant.deployment == deployment)
        return _most([self.of(deployment, is_branch=is_branch), *here])

    @property
    def of_branches(self) -> Role:
        """The role in branch deployments of which nothing else is said."""
        found = (grant.role for grant in self.grants if grant.deployment is None)
        return next(found, self.default)

    @property
    def most(self) -> Role:
        """The most powerful role anywhere."""
        return _most(self._all())

    @property
    def least(self) -> Role:
        """The role that it has everywhere: in what concerns the whole organization."""
        return min(self._all(), key=lambda role: role.rank)

    def _all(self) -> list[Role]:
        return [self.default, *(grant.role for grant in self.grants)]

    @property
    def ordered(self) -> list[RoleGrant]:
        """The grants in an order that people expect: by deployment, then by location."""
        return sorted(
            self.grants,
            key=lambda grant: (
                grant.deployment is None,
                grant.deployment or "",
                grant.location or "",
            ),
        )

    def __str__(self) -> str:
        return ", ".join([self.default, *(f"{each.place}: {each.role}" for each in self.ordered)])

    def as_json(self) -> dict[str, Any]:
        """For a column of the database, and for the wire."""
        return {
            "default": str(self.default),
            "grants": [
                {
                    "role": str(grant.role),
                    "deployment": grant.deployment,
                    "location": grant.location,
                }
                for grant in self.ordered
            ],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Roles:
        """Read what :meth:`as_json` made."""
        return cls(
            default=Role(value["default"]),
            grants=frozenset(
                RoleGrant(
                    role=Role(each["role"]),
                    deployment=each.get("deployment"),
                    location=each.get("location"),
                )
                for each in value["grants"]
            ),
        )


#: Of tokens that people make, unless they say otherwise.
ADMIN = Roles()
#: Of tokens that CI jobs get, unless their policy says otherwise.
EDITOR = Roles(default=Role.EDITOR)


def check_roles(roles: Roles) -> None:
    """Refuse roles that contradict each other.

    Raises:
        InvalidInputError: when a place has two, or the role at a location is not more than that of
            its deployment.
    """
    problem = next(_problems(roles), None)
    if problem is not None:
        raise InvalidInputError(problem)


def _problems(roles: Roles) -> Iterator[str]:
    places = [(grant.deployment, grant.location) for grant in roles.grants]
    for grant in roles.ordered:
        if places.count((grant.deployment, grant.location)) > 1:
            yield f"There are two roles for {grant.place}. Give one."
        if grant.location is not None and grant.deployment is None:
            yield "A role at a code location needs the deployment. Write DEPLOYMENT/LOCATION=ROLE."
        elif grant.location is not None:
            whole = roles.of(str(grant.deployment), is_branch=False)
            if whole.includes(grant.role):
                yield (
                    f"{grant.place}={grant.role} gives nothing: the token is {whole} of the whole "
                    f"deployment {grant.deployment!r}. A role at a code location adds to that of "
                    f"its deployment, so give the deployment less: {grant.deployment}=viewer."
                )


def _most(roles: Iterable[Role]) -> Role:
    return max(roles, key=lambda role: role.rank)
