"""Options that describe a new token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from dagstead.cli.options.secret import Scope, kinds_seen
from dagstead.errors import InvalidInputError
from dagstead.plane.rotations import DEFAULT_OVERLAP
from dagstead.plane.tokens import HeldKind, TokenKind

if TYPE_CHECKING:
    from dagstead.plane.new_tokens import NewToken
    from dagstead.plane.roles import Roles
    from dagstead.plane.rotations import Rotation


@dataclass(frozen=True, kw_only=True, slots=True)
class NewTokenFlags:
    """Who will use the token, what it grants, and for how long."""

    name: Annotated[str, typer.Option("--name", help="Who or what will use the token.")]
    kind: Annotated[
        HeldKind,
        typer.Option(
            "--kind", help="For an agent, for a managed pool of its own, or for a person or CI."
        ),
    ] = HeldKind.USER
    deployment: Annotated[
        list[str] | None,
        typer.Option("--deployment", help="Limit the token to this deployment; may be repeated."),
    ] = None
    branch_deployments: Annotated[
        bool | None,
        typer.Option(
            "--branch-deployments/--no-branch-deployments",
            help="Grant branch deployments, or not; by default, only without --deployment.",
        ),
    ] = None
    only_branch_deployments: Annotated[
        bool,
        typer.Option(
            "--only-branch-deployments",
            help="Grant branch deployments and no full one: for jobs of pull requests.",
        ),
    ] = False
    queue: Annotated[
        list[str] | None,
        typer.Option(
            "--queue", help="Agents: limit the token to this agent queue; may be repeated."
        ),
    ] = None
    default_queue: Annotated[
        bool | None,
        typer.Option(
            "--default-queue/--no-default-queue",
            help="Agents: grant the default queue, or not; by default, only without --queue.",
        ),
    ] = None
    expires: Annotated[
        str | None,
        typer.Option(
            "--expires",
            help="When the token expires: 12h, 30d, a date such as 2027-01-31 (UTC), or never. By "
            "default, users' tokens after 90 days and those of agents never.",
        ),
    ] = None
    secret_values: Annotated[
        list[Scope] | None,
        typer.Option(
            "--secret-values",
            help="People and CI: show the values of secrets of this scope; may be repeated. By "
            "default local.",
        ),
    ] = None

    def new_token(self, roles: Roles | None) -> NewToken:
        """The token that they describe.

        Args:
            roles: of its holder.

        Raises:
            InvalidInputError: when ``--expires`` is not a length of time or a date, or when the
                deployments contradict each other.
        """
        from dagstead.plane.lifetimes import read_lifetime
        from dagstead.plane.new_tokens import NewToken

        only_branches = self.only_branch_deployments
        if only_branches and (self.deployment or self.branch_deployments is False):
            msg = (
                "--only-branch-deployments grants no full deployment and all branch deployments. "
                "Leave out --deployment and --no-branch-deployments, or say --branch-deployments "
                "instead."
            )
            raise InvalidInputError(msg)
        return NewToken(
            name=self.name,
            kind=TokenKind(self.kind),
            deployments=() if only_branches else self.deployment or None,
            branch_deployments=only_branches or self.branch_deployments,
            queues=self.queue or None,
            default_queue=self.default_queue,
            lifetime=None if self.expires is None else read_lifetime(self.expires),
            secret_values=self.secret_values and kinds_seen(self.secret_values),
            roles=roles,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class RotationFlags:
    """How a token gets a new secret."""

    overlap: Annotated[
        str,
        typer.Option(
            "--overlap",
            help="How long the former secret still works, such as 12h; none: not at all.",
        ),
    ] = DEFAULT_OVERLAP
    expires: Annotated[
        str | None,
        typer.Option(
            "--expires",
            help="When the new secret expires: 12h, 30d, a date, or never. By default, it is valid "
            "for as long as the former one was made for.",
        ),
    ] = None

    def rotation(self) -> Rotation:
        """The rotation that they describe.

        Raises:
            InvalidInputError: for a time that cannot be read.
        """
        from dagstead.plane.lifetimes import read_lifetime, read_overlap
        from dagstead.plane.rotations import Rotation

        return Rotation(
            overlap_seconds=read_overlap(self.overlap),
            lifetime=None if self.expires is None else read_lifetime(self.expires),
        )
