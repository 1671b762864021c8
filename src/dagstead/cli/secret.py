"""``dagstead secret``: variables of user code, which the control plane keeps encrypted."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from dagstead.cli.administration import administers
from dagstead.cli.asking import ask
from dagstead.cli.control_plane import Administration
from dagstead.cli.options.confirmation import YesOption
from dagstead.cli.options.secret import SecretTargetFlags, ValueFlags
from dagstead.cli.output import Format, FormatOption, moment, print_json, print_rows, say

if TYPE_CHECKING:
    from dagstead.client.secrets import ListedSecret
    from dagstead.plane.master_keys import KeyReport

app = typer.Typer(
    help="Set, list and remove secrets: variables that code gets.", no_args_is_help=True
)

_Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the variable.")]


@app.command("set")
@administers
def set_(
    plane: Administration, name: _Name, *, target: SecretTargetFlags, value: ValueFlags
) -> None:
    """Set a secret, which replaces the value that it has for the same code.

    The value is read from standard input, or asked for at a terminal. Code gets it when it is
    loaded, and every run when it starts; nothing has to be restarted.

    For example:

    - `dagstead secret set API_KEY --deployment prod`

    - `pass show warehouse | dagstead secret set PASSWORD --deployment prod --location etl`

    - `dagstead secret set API_KEY --scope branch --scope local --from-env TEST_API_KEY`
    """
    plane.secrets.set(name, value.value(), target.target())
    say(f"Set {name}. Code that is loaded now gets it when it is loaded again.", err=True)


@app.command("list")
@administers
def list_(
    plane: Administration,
    *,
    deployment: Annotated[
        str | None, typer.Option("--deployment", help="Only what is for this deployment.")
    ] = None,
    location: Annotated[
        str | None, typer.Option("--location", help="Only what is for this code location.")
    ] = None,
    format_: FormatOption = Format.TABLE,
) -> None:
    """List secrets and who gets them, but not their values.

    Where several have a name, the one that is for fewer places wins; those of the server's
    environment lose against all others.

    For example: `dagstead secret list --deployment prod`
    """
    found = plane.secrets.all(deployment)
    rows = [
        {
            "name": each.name,
            "scope": _scopes(each),
            "deployment": each.deployment or "(all)",
            "locations": sorted(each.locations) or "(all)",
            "visible": each.can_view,
            "updated": moment(each.updated_at),
            "by": "the server's environment" if each.is_given else each.updated_by,
        }
        for each in found
        if location is None or not each.locations or location in each.locations
    ]
    print_rows(rows, format_, empty="There are no secrets. See `dagstead secret set --help`.")


@app.command()
@administers
def get(plane: Administration, name: _Name, *, target: SecretTargetFlags) -> None:
    """Print the value of a secret, if the token may see it.

    People may see what is for their own machines, and CI what the code gets that it deploys;
    `dagstead token create --secret-values` makes tokens that may see more.

    For example: `dagstead secret get API_KEY --scope local`
    """
    found = [
        each
        for each in plane.secrets.all(target.deployment, values=True)
        if each.name == name and _fits(each, target)
    ]
    # As it is: programs read it.
    sys.stdout.write(f"{_value(name, found)}\n")


@app.command()
@administers
def remove(plane: Administration, name: _Name, *, target: SecretTargetFlags) -> None:
    """Remove a secret where it was set with the same options.

    For example: `dagstead secret remove API_KEY --deployment prod`
    """
    plane.secrets.remove(name, target.target())
    say(f"Removed {name}. Code that is loaded now keeps it until it is loaded again.")


@app.command()
@administers
def key(plane: Administration, *, format_: FormatOption = Format.TABLE) -> None:
    """Show which master keys encrypt the secrets, by names that do not give the keys away.

    For example: `dagstead secret key`
    """
    _show(plane.secrets.key(), format_)


@app.command("rotate-key")
@administers
def rotate_key(
    plane: Administration,
    *,
    lost: Annotated[
        bool,
        typer.Option(
            "--lost", help="The old key is lost: remove all secrets that only it could decrypt."
        ),
    ] = False,
    yes: YesOption = False,
    format_: FormatOption = Format.TABLE,
) -> None:
    """Encrypt all secrets with a new master key, while the control plane runs.

    The control plane makes the new key if it keeps the key in a file of its own. Otherwise put a
    new key in front of the old one first, and give both to every process.

    For example:

    - `dagstead secret rotate-key`

    - `dagstead secret rotate-key --lost --data /srv/dagstead`
    """
    if lost and not yes:
        ask("Remove all secrets whose master key is lost?")
    _show(plane.secrets.rotate_key(lost=lost), format_)
    say(
        "Keep a copy of the new key. Only backups from before need the old one.",
        err=True,
    )


def _show(keys: KeyReport, format_: Format) -> None:
    if format_ is Format.JSON:
        print_json({"current": keys.current, "source": keys.source, "used": dict(keys.used)})
        return
    rows = [
        {"key": each, "current": each == keys.current, "encrypts": keys.used.get(each, 0)}
        for each in sorted({keys.current, *keys.used})
    ]
    print_rows(rows, format_, empty="")
    say(f"The master key comes from {keys.source}.", err=True)


def _scopes(secret: ListedSecret) -> list[str]:
    return sorted("branch" if kind == "branches" else str(kind) for kind in secret.kinds)


def _fits(secret: ListedSecret, flags: SecretTargetFlags) -> bool:
    wanted, locations = {str(scope) for scope in flags.scope or ()}, set(flags.location or ())
    return (not wanted or bool(wanted & set(_scopes(secret)))) and (
        not locations or not secret.locations or locations <= secret.locations
    )


def _value(name: str, found: list[ListedSecret]) -> str:
    """The value that wins among those that may be seen.

    Raises:
        NotFoundError: when there is none.
        ForbiddenError: when none may be seen.
        ConflictError: when different ones may be meant.
    """
    from dagstead.errors import ConflictError, ForbiddenError, NotFoundError

    if not found:
        msg = f"There is no secret {name!r} there. See `dagstead secret list`."
        raise NotFoundError(msg)
    values = {each.value for each in found if each.value is not None}
    if not values:
        msg = (
            f"This token may not see the value of {name!r}. People see what has the scope local; a "
            "token of `dagstead token create --secret-values full` sees more."
        )
        raise ForbiddenError(msg)
    if len(values) > 1:
        msg = (
            f"{name!r} has different values. Say which one with --scope, --deployment and "
            "--location; see `dagstead secret list`."
        )
        raise ConflictError(msg)
    return str(next(iter(values)))
