"""``dagstead token``: who may call."""

from __future__ import annotations

from typing import Annotated

import typer

from dagstead.cli.options import ConfigOption, DatabaseOption, DataOption, settings
from dagstead.cli.output import Format, FormatOption, moment, print_rows
from dagstead.plane.tokens import TokenKind

app = typer.Typer(help="Create, list and revoke tokens.", no_args_is_help=True)


@app.command()
def create(  # noqa: PLR0913 - one parameter an option
    *,
    name: Annotated[str, typer.Option("--name", help="Who or what will hold it.")],
    kind: Annotated[
        TokenKind, typer.Option("--kind", help="For an agent, or for a person or CI.")
    ] = TokenKind.USER,
    deployment: Annotated[
        list[str] | None,
        typer.Option("--deployment", help="Limit it to this deployment; may be repeated."),
    ] = None,
    branch_deployments: Annotated[
        bool | None,
        typer.Option(
            "--branch-deployments/--no-branch-deployments",
            help="Whether branch deployments are granted; by default if no --deployment is given.",
        ),
    ] = None,
    queue: Annotated[
        list[str] | None,
        typer.Option("--queue", help="Agents: limit it to this agent queue; may be repeated."),
    ] = None,
    default_queue: Annotated[
        bool | None,
        typer.Option(
            "--default-queue/--no-default-queue",
            help="Agents: whether the default queue is granted; by default if no --queue is given.",
        ),
    ] = None,
    data: DataOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
    format_: FormatOption = Format.TABLE,
) -> None:
    """Create a token and print it, once: only its hash is kept.

    For example:

    - `dagstead token create --name ada`

    - `dagstead token create --kind agent --name eu --queue eu --queue gpu`

    - `export DAGSTER_CLOUD_API_TOKEN=$(dagstead token create --name ci --deployment prod)`
    """
    import json

    from dagstead.control.actor import COMMAND_LINE
    from dagstead.server.grants import grant
    from dagstead.server.services import existing_control

    chosen = settings(data=data, database=database, config=config)
    wanted = grant(
        kind,
        deployments=deployment or (),
        branch_deployments=branch_deployments,
        queues=queue or (),
        default_queue=default_queue,
    )
    with existing_control(chosen) as control:
        issued = control.tokens.issue(COMMAND_LINE, name, kind, wanted, chosen.organization)
    token, secret = issued.token, issued.secret
    if format_ is Format.JSON:
        print(json.dumps({"id": token.id, "name": name, "kind": str(kind), "token": secret}))
        return
    print(secret)
    typer.echo(
        f"Token {token.id} {name!r} ({kind}). Deployments: {token.describe_deployments()}."
        + (f" Queues: {token.describe_queues()}." if kind is TokenKind.AGENT else "")
        + " It is shown only this once.",
        err=True,
    )


@app.command("list")
def list_(
    *,
    all_: Annotated[bool, typer.Option("--all", help="Revoked and expired ones too.")] = False,
    data: DataOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
    format_: FormatOption = Format.TABLE,
) -> None:
    """List tokens: what each grants and when it was last used, not the tokens themselves.

    For example: `dagstead token list --all`
    """
    from dagstead.control.actor import COMMAND_LINE
    from dagstead.server.services import existing_control

    with existing_control(settings(data=data, database=database, config=config)) as control:
        tokens = control.tokens.all(COMMAND_LINE)
        now = control.clock()
    rows = [
        {
            "id": token.id,
            "name": token.name,
            "kind": str(token.kind),
            "deployments": token.describe_deployments(),
            "queues": token.describe_queues() if token.kind is TokenKind.AGENT else None,
            "created": moment(token.created_at),
            "last_used": moment(token.last_used_at),
            "expires": moment(token.expires_at),
            "revoked": moment(token.revoked_at),
        }
        for token in tokens
        if all_ or token.is_valid_at(now)
    ]
    print_rows(rows, format_, empty="There is no token. See `dagstead token create --help`.")


@app.command()
def revoke(
    token_id: Annotated[int, typer.Argument(metavar="ID", help="See `dagstead token list`.")],
    data: DataOption = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Revoke a token: from now on it opens nothing.

    For example: `dagstead token revoke 7`
    """
    from dagstead.control.actor import COMMAND_LINE
    from dagstead.server.services import existing_control

    with existing_control(settings(data=data, database=database, config=config)) as control:
        token = control.tokens.revoke(COMMAND_LINE, token_id)
    print(f"Token {token.id} {token.name!r} is revoked.")
