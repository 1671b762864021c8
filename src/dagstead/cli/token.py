"""``dagstead token``: the tokens of agents, people and CI."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from dagstead.cli.administration import LARGEST_ID, administers
from dagstead.cli.control_plane import Administration
from dagstead.cli.options.roles import RoleFlags
from dagstead.cli.options.token import NewTokenFlags
from dagstead.cli.output import Format, FormatOption, moment, print_rows, say
from dagstead.plane.roles import Role
from dagstead.plane.tokens import TokenKind

if TYPE_CHECKING:
    from dagstead.plane.tokens import IssuedToken

app = typer.Typer(
    help="Create, list and revoke tokens, and sign people in and out.", no_args_is_help=True
)

TokenIdArgument = Annotated[
    int,
    typer.Argument(
        metavar="ID",
        help="Number of the token in `dagstead token list`.",
        min=1,
        max=LARGEST_ID,
    ),
]


@app.command()
@administers
def create(
    plane: Administration,
    *,
    wanted: NewTokenFlags,
    roles: RoleFlags,
    format_: FormatOption = Format.TABLE,
) -> None:
    """Create a token and print it once: only its hash is kept.

    For a user token, an address to sign in with is printed as well if you are at a terminal. Its
    role is admin if you give no other: it may do everything in what it grants.

    For example:

    - `dagstead token create --name ada --expires 30d`

    - `dagstead token create --kind agent --name eu --queue eu --queue gpu`

    - `export DAGSTER_CLOUD_API_TOKEN=$(dagstead token create --name ci --deployment prod)`

    - `dagstead token create --name pull-requests --only-branch-deployments`

    - `dagstead token create --name grace --role viewer --role prod/weather=launcher`
    """
    _show(plane.tokens.issue(wanted.new_token(roles.roles(Role.ADMIN))), plane.url, format_)


@app.command("list")
@administers
def list_(
    plane: Administration,
    *,
    all_: Annotated[
        bool, typer.Option("--all", help="List revoked and expired tokens, too.")
    ] = False,
    format_: FormatOption = Format.TABLE,
) -> None:
    """List tokens: what they grant and when they were last used, but not their secrets.

    For example: `dagstead token list --all`
    """
    rows = [
        {
            "id": token.id,
            "name": token.name,
            "kind": str(token.kind),
            "deployments": token.describe_deployments(),
            "queues": token.describe_queues() if token.is_agent else None,
            "role": None if token.is_agent else str(token.roles),
            "created": moment(token.created_at),
            "last_used": moment(token.last_used_at),
            "expires": moment(token.expires_at),
            "revoked": moment(token.revoked_at),
        }
        for token in plane.tokens.all(useless=all_)
    ]
    print_rows(rows, format_, empty="There are no tokens. See `dagstead token create --help`.")


@app.command()
@administers
def revoke(plane: Administration, token_id: TokenIdArgument) -> None:
    """Revoke a token, so that it is refused from now on.

    For example: `dagstead token revoke 7`
    """
    token = plane.tokens.revoke(token_id)
    say(f"Revoked token {token.id} {token.name!r}.")


@app.command()
@administers
def link(plane: Administration) -> None:
    """Print a link with which one person signs in, once and within an hour.

    Whoever opens it first gives a name, and gets a user token of that name, which may do
    everything.

    For example: `dagstead token link --data /srv/dagstead`
    """
    made = plane.tokens.sign_in_link()
    say(made.address(plane.url))
    say(f"It works once, until {moment(made.expires_at)}.", err=True)


@app.command("sign-out")
@administers
def sign_out(plane: Administration, token_id: TokenIdArgument) -> None:
    """Sign out every browser that has signed in with a token. The token itself stays valid.

    For example: `dagstead token sign-out 7`
    """
    ended = plane.tokens.sign_out(token_id)
    say(f"Signed out of token {token_id}: {ended}.")


def _show(issued: IssuedToken, url: str, format_: Format) -> None:
    import json

    token, secret = issued.token, issued.secret
    sign_in = f"{url}/sign-in#token={secret}" if token.kind is TokenKind.USER else None
    if format_ is Format.JSON:
        found = {
            "id": token.id,
            "name": token.name,
            "kind": str(token.kind),
            "role": None if token.is_agent else str(token.roles),
            "token": secret,
            "expires": moment(token.expires_at),
            "sign_in": sign_in,
        }
        say(json.dumps(found))
        return
    say(secret)
    say(f"{_sentences(issued)} The secret is shown only once.", err=True)
    if sign_in and sys.stdout.isatty():
        # Only for people: in CI the log would keep it.
        say(f"Sign in at: {sign_in}", err=True)


def _sentences(issued: IssuedToken) -> str:
    token = issued.token
    sentences = [
        f"Token {token.id} {token.name!r} ({token.kind}).",
        f"Deployments: {token.describe_deployments()}.",
    ]
    if token.is_agent:
        sentences.append(f"Queues: {token.describe_queues()}.")
    else:
        sentences.append(f"Role: {token.roles}.")
    if token.expires_at is not None:
        sentences.append(f"Expires: {moment(token.expires_at)}.")
    return " ".join(sentences)
