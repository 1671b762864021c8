"""``dagstead trust``: whose CI jobs get a token, with `dagstead login`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from dagstead.cli.administration import LARGEST_ID, administers
from dagstead.cli.control_plane import Administration
from dagstead.cli.output import Format, FormatOption, moment, print_rows
from dagstead.plane.trust import DEFAULT_MINUTES, Provider

if TYPE_CHECKING:
    from dagstead.plane.trust import JobGrant, Policy

app = typer.Typer(
    help="Say whose CI jobs get a token, so that CI keeps no secret.", no_args_is_help=True
)


@app.command()
@administers
def add(  # noqa: PLR0913 - one parameter an option
    plane: Administration,
    *,
    issuer: Annotated[
        str, typer.Option("--issuer", help="github, gitlab, or the address of your own server's.")
    ],
    repository: Annotated[
        str,
        typer.Option("--repository", help="org/repo; in GitLab the project's whole path."),
    ],
    provider: Annotated[
        Provider | None,
        typer.Option("--provider", help="What your own server is, when --issuer is its address."),
    ] = None,
    branch: Annotated[
        str | None, typer.Option("--branch", help="Jobs of this branch; * and ** are wildcards.")
    ] = None,
    tag: Annotated[
        str | None, typer.Option("--tag", help="Jobs of this tag, such as 'v*'.")
    ] = None,
    environment: Annotated[
        str | None, typer.Option("--environment", help="Jobs of this environment.")
    ] = None,
    any_ref: Annotated[
        bool, typer.Option("--any-ref", help="Every branch, tag and pull request.")
    ] = False,
    claim: Annotated[
        list[str] | None,
        typer.Option("--claim", metavar="NAME=VALUE", help="Another claim; may be repeated."),
    ] = None,
    deployment: Annotated[
        list[str] | None,
        typer.Option("--deployment", help="Full deployment to grant; may be repeated."),
    ] = None,
    branch_deployments: Annotated[
        bool,
        typer.Option(
            "--branch-deployments", help="Grant branch deployments of the job's repository."
        ),
    ] = False,
    location: Annotated[
        list[str] | None,
        typer.Option(
            "--location",
            help="Grant only to deploy this location, and nothing else; may be repeated.",
        ),
    ] = None,
    minutes: Annotated[
        int, typer.Option("--minutes", help="How long a token lives.")
    ] = DEFAULT_MINUTES,
) -> None:
    """Let jobs of a repository log in with `dagstead login`.

    In every value * stands for anything but a slash and ** for anything.

    For example:

    - `dagstead trust add --issuer github --repository org/repo --branch main --deployment prod`

    - `dagstead trust add --issuer github --repository org/repo --any-ref --branch-deployments`

    - `dagstead trust add --issuer https://gitlab.example.com --provider gitlab
      --repository data/etl --tag 'v*' --deployment prod --location weather`
    """
    from dagstead.plane.trust import JobFilter, NewPolicy

    wanted = JobFilter(
        repository=repository,
        branch=branch,
        tag=tag,
        environment=environment,
        any_ref=any_ref,
        claims=_claims(claim or ()),
    )
    new = NewPolicy(
        issuer=issuer,
        provider=provider,
        wanted=wanted,
        allowed=_allowed(deployment, branch_deployments, location, minutes),
    )
    policy = plane.trust.add(new)
    print(f"Policy {policy.id}: jobs of {policy.issuer} with {_wants(policy)}")
    print(f"get a token of {policy.allowed.minutes} minutes for {_grants(policy)}.")


@app.command("list")
@administers
def list_(
    plane: Administration,
    *,
    format_: FormatOption = Format.TABLE,
) -> None:
    """List the policies: whose jobs get which token, and when one last did.

    For example: `dagstead trust list --format json`
    """
    rows = [
        {
            "id": policy.id,
            "issuer": policy.issuer,
            "claims": _wants(policy),
            "grants": _grants(policy),
            "minutes": policy.allowed.minutes,
            "created": moment(policy.created_at),
            "last_used": moment(policy.last_used_at),
        }
        for policy in plane.trust.all()
    ]
    print_rows(rows, format_, empty="There is none. See `dagstead trust add --help`.")


@app.command()
@administers
def remove(
    plane: Administration,
    policy_id: Annotated[
        int, typer.Argument(metavar="ID", help="See `dagstead trust list`.", min=1, max=LARGEST_ID)
    ],
) -> None:
    """Remove a policy: no job gets a token for it any more.

    Tokens that it gave live to their end; `dagstead token revoke` ends one at once.

    For example: `dagstead trust remove 3`
    """
    plane.trust.remove(policy_id)
    print(f"Policy {policy_id} is removed.")


def _claims(given: Sequence[str]) -> dict[str, str]:
    from dagstead.errors import InvalidInputError

    claims = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals or not name or not value:
            msg = f"--claim {each!r} is not NAME=VALUE, such as event_name=push."
            raise InvalidInputError(msg)
        claims[name] = value
    return claims


def _allowed(
    deployments: Sequence[str] | None,
    branch_deployments: bool,  # noqa: FBT001 - as the command has it
    locations: Sequence[str] | None,
    minutes: int,
) -> JobGrant:
    from dagstead.plane.trust import JobGrant

    return JobGrant(
        deployments=frozenset(deployments or ()),
        branch_deployments=branch_deployments,
        locations=frozenset(locations) if locations else None,
        minutes=minutes,
    )


def _wants(policy: Policy) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(policy.claims.items()))


def _grants(policy: Policy) -> str:
    locations = policy.allowed.locations
    only = "" if locations is None else f", only to deploy {', '.join(sorted(locations))}"
    return policy.allowed.described_deployments + only
