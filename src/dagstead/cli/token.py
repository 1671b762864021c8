"""``dagstead token``: the tokens of agents, people and CI."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from dagstead.cli.administration import LARGEST_ID, administers
from dagstead.cli.control_plane import Administration
from dagstead.cli.options.roles import RoleFlags
from dagstead.cli.options.token import NewTokenFlags, RotationFlags
from dagstead.cli.output import Format, FormatOption, moment, print_rows, say
from dagstead.cli.remarks import print_note
from dagstead.plane.roles import Role
from dagstead.plane.tokens import IssuedToken, TokenKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dagstead.plane.tokens import Token

app = typer.Typer(
    help="Create, list and revoke tokens, and sign people in and out.", no_args_is_help=True
)

TokenArgument = Annotated[
    str,
    typer.Argument(metavar="TOKEN", help="Name or number of the token in `dagstead token list`."),
]
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
    found = plane.tokens.all(useless=all_)
    endless = "never" if format_ is Format.TABLE else None
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
            "used_from": [each.address for each in token.used_from],
            "expires": moment(token.expires_at) or endless,
            "revoked": moment(token.revoked_at),
        }
        for token in found
    ]
    print_rows(rows, format_, empty="There are no tokens. See `dagstead token create --help`.")
    if format_ is Format.TABLE:
        _warn(found)


@app.command()
@administers
def rotate(
    plane: Administration,
    named: TokenArgument,
    *,
    how: RotationFlags,
    format_: FormatOption = Format.TABLE,
) -> None:
    """Give a token a new secret, and print it once. The former one works until the overlap is over.

    It stays the same token: what it grants, its agents and the work they have taken stay. Browsers
    that are signed in with it have to sign in again when the overlap is over.

    For example:

    - `dagstead token rotate eu --overlap 1d`

    - `dagstead token rotate 7 --overlap none --expires 30d`
    """
    rotated = plane.tokens.rotate(_chosen(plane, named), how.rotation())
    issued = IssuedToken(token=rotated.token, secret=rotated.secret)
    _show(issued, plane.url, format_, former_ends=rotated.former_ends_at)


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


def _warn(tokens: Sequence[Token]) -> None:
    """Say of which tokens the end is near, and which have none."""
    import time

    now = time.time()
    for token in tokens:
        if token.ends_soon(now):
            print_note(
                f"token {token.id} {token.name!r} expires on {moment(token.expires_at)}. "
                f"`dagstead token rotate {token.id}` gives it a new secret."
            )
    endless = [
        token.name
        for token in tokens
        if token.kind is TokenKind.USER and token.expires_at is None and token.is_valid_at(now)
    ]
    if endless:
        print_note(
            f"users' tokens that never expire: {', '.join(endless)}. `dagstead token rotate NAME "
            "--expires 90d` gives one an end."
        )


def _chosen(plane: Administration, named: str) -> int:
    """The number of a token.

    Raises:
        NotFoundError: when there is none of that name or number.
        InvalidInputError: when several have the name.
    """
    from dagstead.errors import InvalidInputError, NotFoundError

    valid = plane.tokens.all(useless=False)
    found = [token.id for token in valid if named in {token.name, str(token.id)}]
    if len(found) > 1:
        numbers = ", ".join(map(str, found))
        msg = f"Several tokens are called {named!r}: {numbers}. Say the number of one."
        raise InvalidInputError(msg)
    if not found:
        msg = f"There is no valid token {named!r}. See `dagstead token list`."
        raise NotFoundError(msg)
    return found[0]


def _show(
    issued: IssuedToken, url: str, format_: Format, *, former_ends: float | None = None
) -> None:
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
        if former_ends is not None:
            found["former_ends"] = moment(former_ends)
        say(json.dumps(found))
        return
    say(secret)
    say(f"{_sentences(issued)} The secret is shown only once.", err=True)
    if former_ends is not None:
        is_over = former_ends <= (token.rotated_at or former_ends)
        until = "no longer works" if is_over else f"works until {moment(former_ends)}"
        say(f"The former secret {until}.", err=True)
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
