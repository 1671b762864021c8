"""Options that describe a new trust policy: which CI jobs it is for, and what it grants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from dagstead.cli.options.pairs import pairs
from dagstead.plane.trust import DEFAULT_MINUTES, Provider

if TYPE_CHECKING:
    from dagstead.plane.roles import Roles
    from dagstead.plane.trust import JobFilter, JobGrant


IssuerOption = Annotated[
    str, typer.Option("--issuer", help="github, gitlab, or the address of your own server.")
]
RepositoryOption = Annotated[
    str, typer.Option("--repository", help="org/repo; on GitLab the full path of the project.")
]


@dataclass(frozen=True, kw_only=True, slots=True)
class IssuerFlags:
    """Who signs the tokens of the jobs."""

    issuer: IssuerOption
    provider: Annotated[
        Provider | None,
        typer.Option("--provider", help="Which CI runs at --issuer, if that is an address."),
    ] = None


@dataclass(frozen=True, kw_only=True, slots=True)
class JobsFlags:
    """Which jobs get a token."""

    repository: RepositoryOption
    branch: Annotated[
        str | None, typer.Option("--branch", help="Jobs on this branch, such as main.")
    ] = None
    tag: Annotated[str | None, typer.Option("--tag", help="Jobs on this tag, such as 'v*'.")] = None
    environment: Annotated[
        str | None,
        typer.Option("--environment", help="Jobs in this environment, such as production."),
    ] = None
    any_ref: Annotated[
        bool, typer.Option("--any-ref", help="Jobs on every branch, tag and pull request.")
    ] = False
    claim: Annotated[
        list[str] | None,
        typer.Option(
            "--claim",
            metavar="NAME=VALUE",
            help="Jobs whose token also has this claim; may be repeated.",
        ),
    ] = None

    def wanted(self) -> JobFilter:
        """The jobs that they describe.

        Raises:
            InvalidInputError: when a claim is not a name and a value.
        """
        from dagstead.plane.trust import JobFilter

        return JobFilter(
            repository=self.repository,
            branch=self.branch,
            tag=self.tag,
            environment=self.environment,
            any_ref=self.any_ref,
            claims=dict(pairs("--claim", self.claim, form="NAME=VALUE, such as event_name=push")),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyGrantFlags:
    """What the token of a job grants."""

    deployment: Annotated[
        list[str] | None,
        typer.Option("--deployment", help="Grant this full deployment; may be repeated."),
    ] = None
    branch_deployments: Annotated[
        bool,
        typer.Option(
            "--branch-deployments", help="Grant the branch deployments of the job's repository."
        ),
    ] = False
    location: Annotated[
        list[str] | None,
        typer.Option(
            "--location",
            help="Grant only deploying this location; may be repeated.",
        ),
    ] = None
    minutes: Annotated[
        int, typer.Option("--minutes", help="How many minutes the token of a job is valid.")
    ] = DEFAULT_MINUTES

    def allowed(self, roles: Roles | None) -> JobGrant:
        """The grant that they describe.

        Args:
            roles: of the jobs.
        """
        from dagstead.plane.roles import EDITOR
        from dagstead.plane.trust import JobGrant

        return JobGrant(
            deployments=frozenset(self.deployment or ()),
            branch_deployments=self.branch_deployments,
            locations=frozenset(self.location) if self.location else None,
            minutes=self.minutes,
            roles=roles or EDITOR,
        )
