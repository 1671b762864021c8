"""What becomes of each command of the official command lines, for the compatibility page."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import click
import typer

from tests.support.command_records import Seen, all_records

#: The parts of ``dg`` that speak to a control plane.
_DG_GROUPS = ("api", "plus")
#: Of the group `list`, which is on the project otherwise: it also shows what the control plane has.
_OF_DG_LIST = "envs"


class Outcome(StrEnum):
    """What happened when a test ran the command against this control plane."""

    WORKS = "works"
    #: It worked at an address that nobody serves.
    LOCAL = "works, needs no server"
    REFUSED = "refused with a sentence"
    FAILS = "fails"
    NOT_TRIED = "not tried"


@dataclass(frozen=True, kw_only=True, order=True)
class Command:
    """One that is found in the official command lines."""

    name: str
    #: Whether the help leaves it out: older names that scripts still use, and helpers.
    hidden: bool


_IMAGES = "needs a registry (`registry_url`) and a pool that runs containers"
_SAML = "asks dagster.cloud only"

#: How to run the command here, or why it cannot work; never whether it does.
NOTES: Mapping[str, str] = {
    "dagster-cloud branch-deployment create-or-update": "needs `--url`",
    "dagster-cloud ci branch-deployment": (
        "needs `DAGSTER_CLOUD_ORGANIZATION` empty and `DAGSTER_CLOUD_URL`"
    ),
    "dagster-cloud ci build": (
        "images of serverless locations need a registry (`registry_url`), PEX files do not"
    ),
    "dagster-cloud ci check": (
        "with `--dagster-cloud-connect-check skip`: it connects to dagster.cloud only"
    ),
    "dagster-cloud ci notify": "writes to GitHub only",
    "dagster-cloud config set-deployment": "asks dagster.cloud only; set the variable instead",
    "dagster-cloud config setup": "asks dagster.cloud only; set environment variables instead",
    "dagster-cloud configure": "asks dagster.cloud only; set environment variables instead",
    "dagster-cloud organization settings saml remove-identity-provider-metadata": _SAML,
    "dagster-cloud organization settings saml upload-identity-provider-metadata": _SAML,
    "dagster-cloud pex execute-run": "the pool starts runs by itself",
    "dagster-cloud pex grpc": "the pool has code servers of its own",
    "dagster-cloud serverless build": _IMAGES,
    "dagster-cloud serverless deploy": _IMAGES,
    "dagster-cloud serverless deploy-docker": _IMAGES,
    "dagster-cloud serverless registry-info": "prints nothing where there is no registry",
    "dagster-cloud serverless upload": _IMAGES,
    "dagster-cloud serverless upload-base-image": _IMAGES,
    "dagster-cloud settings saml remove-identity-provider-metadata": _SAML,
    "dagster-cloud settings saml upload-identity-provider-metadata": _SAML,
    "dg api organization saml remove": "there is no single sign-on; `dg` prints the status only",
    "dg api asset get-health": "open-source Dagster knows no asset health",
    "dg plus deploy notify": "writes to GitHub only",
    "dg plus login": "signs in at dagster.cloud only; write the configuration instead",
    "dg plus create ci-api-token": (
        "makes an agent token; CI deploys with a user token of `dagstead token create`"
    ),
}


class _AnyCommand(Protocol):
    """A command of click, or of the copy of click that typer brings."""

    hidden: bool


def found_commands() -> list[Command]:
    """The commands of the installed official command lines, hidden ones too."""
    with warnings.catch_warnings():
        # Typer tells the CLI's authors about options that will go.
        warnings.simplefilter("ignore", DeprecationWarning)
        from dagster_cloud_cli.entrypoint import app as dagster_cloud  # noqa: PLC0415
        from dagster_dg_cli.cli import cli as dg  # noqa: PLC0415

        official = typer.main.get_command(dagster_cloud)
    found = [*_walk(official, "dagster-cloud")]
    for name in _DG_GROUPS:
        group = dg.get_command(click.Context(dg), name)
        assert group is not None
        found += _walk(group, f"dg {name}")
    listing = dg.get_command(click.Context(dg), "list")
    assert isinstance(listing, click.Group)
    assert listing.get_command(click.Context(listing), _OF_DG_LIST) is not None
    found.append(Command(name=f"dg list {_OF_DG_LIST}", hidden=False))
    return sorted(found)


def client_section() -> str:
    """The part of the compatibility page about the command lines, in Markdown."""
    seen: dict[str, list[Seen]] = {}
    for record in all_records():
        seen.setdefault(record.seen.command, []).append(record.seen)
    lines = ["| command | against Dagstead | |", "| --- | --- | --- |"]
    lines += [row(command, seen.get(command.name, [])) for command in found_commands()]
    return "\n".join(lines) + "\n"


def row(command: Command, seen: Sequence[Seen]) -> str:
    """The row of one command: what tests saw of it."""
    outcome = outcome_of(seen)
    remarks = [NOTES.get(command.name, "")]
    if outcome is Outcome.REFUSED:
        remarks = sorted({each.refusal for each in seen if each.refusal})
    if outcome is Outcome.FAILS:
        remarks += sorted({each.error for each in seen if each.error})
    if command.hidden:
        remarks.append("hidden")
    return f"| `{command.name}` | {outcome} | {'; '.join(filter(None, remarks))} |"


def outcome_of(seen: Sequence[Seen]) -> Outcome:
    """What becomes of a command of which tests saw this."""
    worked = [each for each in seen if each.worked]
    if worked:
        return Outcome.WORKS if all(each.served for each in worked) else Outcome.LOCAL
    if any(each.refusal for each in seen):
        return Outcome.REFUSED
    return Outcome.FAILS if seen else Outcome.NOT_TRIED


def _walk(command: _AnyCommand, path: str, *, hidden: bool = False) -> Iterator[Command]:
    # Groups of either click are known by what they can do.
    list_commands = getattr(command, "list_commands", None)
    get_command = getattr(command, "get_command", None)
    if list_commands is None or get_command is None:
        yield Command(name=path, hidden=hidden)
        return
    context = click.Context(click.Command(path))
    for name in list_commands(context):
        inner = get_command(context, name)
        yield from _walk(inner, f"{path} {name}", hidden=hidden or inner.hidden)
    if getattr(command, "invoke_without_command", False) and path.startswith("dg "):
        yield Command(name=path, hidden=hidden)
