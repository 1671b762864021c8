"""``dagstead trust``: the policies by which CI jobs get a token from `dagstead login`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dagstead.cli.administration import LARGEST_ID, administers
from dagstead.cli.control_plane import Administration
from dagstead.cli.options.roles import RoleFlags
from dagstead.cli.options.trust import (
    IssuerFlags,
    IssuerOption,
    JobsFlags,
    PolicyGrantFlags,
    RepositoryOption,
)
from dagstead.cli.output import Format, FormatOption, moment, print_rows, say
from dagstead.cli.remarks import print_note
from dagstead.plane.roles import Role

if TYPE_CHECKING:
    from dagstead.plane.trust import Policy

app = typer.Typer(
    help="Choose which CI jobs get a token, so that CI stores no secret.", no_args_is_help=True
)


@app.command()
@administers
def add(
    plane: Administration,
    *,
    signed: IssuerFlags,
    jobs: JobsFlags,
    granted: PolicyGrantFlags,
    roles: RoleFlags,
) -> None:
    """Let the CI jobs of a repository log in with `dagstead login`.

    In every value, * stands for anything but a slash, and ** for anything. The role of jobs is
    editor if you give no other: they may deploy what the policy grants.

    For example:

    - `dagstead trust add --issuer github --repository org/repo --branch main --deployment prod`

    - `dagstead trust add --issuer github --repository org/repo --any-ref --branch-deployments`

    - `dagstead trust add --issuer https://gitlab.example.com --provider gitlab
      --repository data/etl --tag 'v*' --deployment prod --location weather`
    """
    from dagstead.plane.trust import NewPolicy

    new = NewPolicy(
        issuer=signed.issuer,
        provider=signed.provider,
        wanted=jobs.wanted(),
        allowed=granted.allowed(roles.roles(Role.EDITOR)),
    )
    policy = plane.trust.add(new)
    say(f"Policy {policy.id}: jobs of {policy.issuer} with {_wants(policy)}")
    say(
        f"get a token of {policy.allowed.minutes} minutes for {_grants(policy)}, in the role "
        f"{policy.allowed.roles}."
    )
    _print_dangers(policy)


@app.command("list")
@administers
def list_(
    plane: Administration,
    *,
    format_: FormatOption = Format.TABLE,
) -> None:
    """List the trust policies: which jobs get a token, what it grants, and when it was last given.

    For example: `dagstead trust list --format json`
    """
    pins = plane.trust.pins()
    rows = [
        {
            "id": policy.id,
            "issuer": policy.issuer,
            "claims": _wants(policy),
            "grants": _grants(policy),
            "role": str(policy.allowed.roles),
            "minutes": policy.allowed.minutes,
            "pinned": [f"{pin.path}={pin.number}" for pin in pins if pin.is_of(policy)],
            "created": moment(policy.created_at),
            "last_used": moment(policy.last_used_at),
        }
        for policy in plane.trust.all()
    ]
    print_rows(rows, format_, empty="There are no trust policies. See `dagstead trust add --help`.")


@app.command()
@administers
def pin(
    plane: Administration,
    *,
    issuer: IssuerOption,
    repository: RepositoryOption,
    number: Annotated[
        str | None, typer.Option("--id", help="The provider's number of the repository.")
    ] = None,
    owner_number: Annotated[
        str | None, typer.Option("--owner-id", help="The provider's number of the owner.")
    ] = None,
) -> None:
    """Trust a repository that has another number than at its first login.

    The first login of a repository pins the provider's numbers of the repository and of its owner:
    jobs of another repository under the same name are refused, and the refusal names the numbers.
    Pin them if the repository was made anew on purpose, or before the first login.

    For example: `dagstead trust pin --issuer github --repository org/repo --id 4711 --owner-id 12`
    """
    from dagstead.plane.ci_logins import NewPins

    pins = NewPins(issuer=issuer, repository=repository, number=number, owner_number=owner_number)
    for each in plane.trust.pin(pins):
        say(f"{each.path} of {each.issuer} is number {each.number} from now on.")


@app.command()
@administers
def remove(
    plane: Administration,
    policy_id: Annotated[
        int,
        typer.Argument(
            metavar="ID",
            help="Number of the policy in `dagstead trust list`.",
            min=1,
            max=LARGEST_ID,
        ),
    ],
) -> None:
    """Remove a trust policy, so that it gives no more tokens to jobs.

    Tokens that jobs have already got stay valid until they expire; `dagstead token revoke` revokes
    a token at once.

    For example: `dagstead trust remove 3`
    """
    plane.trust.remove(policy_id)
    say(f"Removed policy {policy_id}.")


def _print_dangers(policy: Policy) -> None:
    """Say which code that nobody has reviewed gets a token by it."""
    if policy.outsiders_event:
        print_note(
            f"anybody can start jobs of {policy.outsiders_event}, and choose what they read. Have "
            "such a job run nothing of a pull request, and unpack none of its artifacts."
        )
    if policy.fits_pull_requests and policy.allowed.deployments:
        names = ", ".join(sorted(policy.allowed.deployments))
        print_note(
            f"pull requests fit this policy too, so their code may deploy to {names}. Files that "
            "they store are used by releases of pull requests only. To keep them out, make one "
            "policy with --branch for the full deployment and one with --any-ref and "
            "--branch-deployments, without --deployment."
        )


def _wants(policy: Policy) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(policy.claims.items()))


def _grants(policy: Policy) -> str:
    locations = policy.allowed.locations
    only = "" if locations is None else f", only to deploy {', '.join(sorted(locations))}"
    return policy.allowed.described_deployments + only
