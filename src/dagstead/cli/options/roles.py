"""Options that say how much a token may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from dagstead.errors import InvalidInputError
from dagstead.plane.roles import Role

if TYPE_CHECKING:
    from dagstead.plane.roles import RoleGrant, Roles

_FORM = "ROLE, DEPLOYMENT=ROLE or DEPLOYMENT/LOCATION=ROLE"


@dataclass(frozen=True, kw_only=True, slots=True)
class RoleFlags:
    """The roles of people and CI."""

    role: Annotated[
        list[str] | None,
        typer.Option(
            "--role",
            metavar="[DEPLOYMENT[/LOCATION]=]ROLE",
            help="People and CI: viewer, launcher, editor or admin, in everything that is granted, "
            "in one deployment, or at one code location; may be repeated.",
        ),
    ] = None
    branch_role: Annotated[
        Role | None,
        typer.Option("--branch-role", help="People and CI: the role in branch deployments."),
    ] = None

    def roles(self, default: Role) -> Roles | None:
        """The roles that they describe; ``None`` when nothing was said.

        Args:
            default: the role where nothing is said.

        Raises:
            InvalidInputError: when one cannot be read.
        """
        from dagstead.plane.roles import RoleGrant, Roles

        if self.role is None and self.branch_role is None:
            return None
        given = [(text, *text.rpartition("=")) for text in self.role or ()]
        everywhere = [_role(text, role) for text, _, equals, role in given if not equals]
        if len(everywhere) > 1:
            raise InvalidInputError(f"--role names two roles for everything: {everywhere}.")
        grants = [_grant(text, place, role) for text, place, equals, role in given if equals]
        if self.branch_role is not None:
            grants.append(RoleGrant(role=self.branch_role, deployment=None))
        return Roles(default=everywhere[0] if everywhere else default, grants=frozenset(grants))


def _grant(text: str, place: str, role: str) -> RoleGrant:
    from dagstead.plane.roles import RoleGrant

    deployment, slash, location = place.partition("/")
    if not deployment or (slash and not location):
        raise InvalidInputError(f"--role {text!r} is not of the form {_FORM}.")
    return RoleGrant(role=_role(text, role), deployment=deployment, location=location or None)


def _role(text: str, role: str) -> Role:
    if role not in set(Role):
        raise InvalidInputError(
            f"--role {text!r} names no role. The form is {_FORM}, and the roles are: "
            f"{', '.join(Role)}."
        )
    return Role(role)
