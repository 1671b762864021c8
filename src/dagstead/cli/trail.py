"""``dagstead trail``: who did what, and whether the record of it is whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from dagstead.cli.administration import administers
from dagstead.cli.control_plane import Administration
from dagstead.cli.options.trail import TrailFlags
from dagstead.cli.output import Format, FormatOption, print_json, print_rows, say

if TYPE_CHECKING:
    from dagstead.client.trail import TrailCheck

_BROKEN = 1


class _Listing(TyperGroup):
    """Lists when no verb is given."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        is_list = not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names)
        return super().parse_args(ctx, ["list", *args] if is_list else args)


app = typer.Typer(
    cls=_Listing, help="Show who did what, from where, on what, and whether the record is whole."
)


@app.command("list")
@administers
def list_(
    plane: Administration, *, flags: TrailFlags, format_: FormatOption = Format.TABLE
) -> None:
    """Show what people, CI jobs and agents did, and what they were refused, newest first.

    Every row has who (the token's name and number, or the user of this machine), the address it
    came from, the act, what it was done on, and the result; as JSON also the state before and
    after. `dagstead trail` alone does the same.

    For example:

    - `dagstead trail list --what tokens --since 7d`

    - `dagstead trail list --who ada --result refused`

    - `dagstead trail list --on prod --format json`
    """
    wanted = flags.wanted()
    rows = plane.trail.find(wanted)
    if format_ is Format.JSON:
        print_json(rows)
        return
    print_rows([_row(each) for each in rows], format_, empty="The trail has no such rows.")
    if len(rows) == wanted.limit:
        say(f"There may be more: add --below {rows[-1]['seq']}.", err=True)


@app.command()
@administers
def verify(
    plane: Administration,
    *,
    head: Annotated[
        str | None,
        typer.Option("--head", help="The end of the chain as it was printed earlier."),
    ] = None,
    format_: FormatOption = Format.TABLE,
) -> None:
    """Follow the chain of the trail: a row that is missing or was changed breaks it.

    It prints the end of the chain. Note it down elsewhere: with --head, this command also finds out
    whether the whole chain was written anew since then. The exit code is 1 when it is broken.

    For example:

    - `dagstead trail verify`

    - `dagstead trail verify --head 4711:9f86d081…`
    """
    from dagstead.plane.trail import Head

    found = plane.trail.verify(None if head is None else Head.read(head))
    if format_ is Format.JSON:
        print_json({"is_whole": not found.faults, **asdict(found)})
    else:
        _print_check(found)
    if found.faults:
        raise typer.Exit(_BROKEN)


def _print_check(found: TrailCheck) -> None:
    for fault in found.faults:
        say(fault, err=True)
    kept = f"{found.rows} rows" if found.first in {None, 1} else f"{found.rows} rows are kept"
    say("The trail is broken." if found.faults else f"The trail is whole: {kept}.")
    say(f"Its end: {found.head}")


def _row(said: Mapping[str, Any]) -> Mapping[str, Any]:
    who, on = said["who"], said["on"]
    token = f" ({who['token']})" if "token" in who else ""
    times = f", {said['count']} times" if "count" in said else ""
    return {
        "row": said["seq"],
        "at": said["at"],
        "who": f"{who['kind']} {who['name']}{token}",
        "from": who.get("address"),
        "act": said["act"],
        "on": ": ".join(filter(None, (on.get("deployment"), on.get("object")))) or None,
        "result": f"{said['result']}{times}",
        "more": said.get("reason") or _change(said),
    }


def _change(said: Mapping[str, Any]) -> str | None:
    before, after = said.get("before"), said.get("after")
    if after is None:
        return None
    new = json.dumps(after, ensure_ascii=False)
    return new if not before else f"{json.dumps(before, ensure_ascii=False)} → {new}"
