"""Options that say how much a token may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from dagstead.plane.roles import Role

if TYPE_CHECKING:
    from dagstead.plane.roles import Roles


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
        from dagstead.plane.role_texts import read_roles

        if self.role is None and self.branch_role is None:
            return None
        return read_roles(
            self.role or (), branch_role=self.branch_role, default=default, label="--role"
        )
