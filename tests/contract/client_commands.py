"""What becomes of each command of the official command lines, for the compatibility page."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

import click
import typer

#: The parts of ``dg`` that speak to a control plane.
_DG_GROUPS = ("api", "plus")


class Outcome(StrEnum):
    """What happens when the command is run against this control plane."""

    WORKS = "works"
    REFUSED = "refused with a sentence"
    NOT_YET = "not yet"
    #: It never asks a control plane.
    LOCAL = "works, needs no server"


@dataclass(frozen=True)
class Row:
    """One command's."""

    outcome: Outcome
    note: str = ""


_WORKS = Row(Outcome.WORKS)
_LOCAL = Row(Outcome.LOCAL)
_ALERTS = Row(Outcome.REFUSED, "no alert policies")
_ATLAN = Row(Outcome.REFUSED, "no Atlan integration")
_ISSUES = Row(Outcome.REFUSED, "no issues")
_SECRETS = Row(Outcome.REFUSED, "secrets are environment variables of the server")
_SAML = Row(Outcome.NOT_YET, "no single sign-on")
_IMAGES = Row(Outcome.NOT_YET, "the pool runs PEX files, there is no image registry")
_GITHUB = Row(Outcome.LOCAL, "writes to GitHub only")
_DBT = Row(Outcome.NOT_YET, "artifacts work; the command itself was not driven")

COMMANDS: Mapping[str, Row] = {
    "dagster-cloud agent run": Row(Outcome.WORKS, "agents of three minor versions"),
    "dagster-cloud branch-deployment create-or-update": Row(Outcome.WORKS, "needs `--url`"),
    "dagster-cloud branch-deployment delete": _WORKS,
    "dagster-cloud ci branch-deployment": Row(
        Outcome.WORKS, "needs `DAGSTER_CLOUD_ORGANIZATION` empty and `DAGSTER_CLOUD_URL`"
    ),
    "dagster-cloud ci build": Row(Outcome.WORKS, "`--build-strategy python-executable`"),
    "dagster-cloud ci check": Row(
        Outcome.WORKS,
        "with `--dagster-cloud-connect-check skip`: it connects to dagster.cloud only",
    ),
    "dagster-cloud ci dagster-dbt project manage-state": _DBT,
    "dagster-cloud ci deploy": _WORKS,
    "dagster-cloud ci init": _WORKS,
    "dagster-cloud ci inspect": _LOCAL,
    "dagster-cloud ci locations-deselect": _LOCAL,
    "dagster-cloud ci locations-list": _LOCAL,
    "dagster-cloud ci locations-select": _LOCAL,
    "dagster-cloud ci notify": _GITHUB,
    "dagster-cloud ci set-build-output": _LOCAL,
    "dagster-cloud ci status": _LOCAL,
    "dagster-cloud ci template": _LOCAL,
    "dagster-cloud config set-deployment": _LOCAL,
    "dagster-cloud config setup": Row(
        Outcome.NOT_YET, "asks dagster.cloud only; set environment variables instead"
    ),
    "dagster-cloud config view": _LOCAL,
    "dagster-cloud deployment add-location": _WORKS,
    "dagster-cloud deployment alert-policies list": _ALERTS,
    "dagster-cloud deployment alert-policies sync": _ALERTS,
    "dagster-cloud deployment delete-location": _WORKS,
    "dagster-cloud deployment download-artifact": _WORKS,
    "dagster-cloud deployment list-locations": _WORKS,
    "dagster-cloud deployment pull-locations": _WORKS,
    "dagster-cloud deployment settings get": _WORKS,
    "dagster-cloud deployment settings set-from-file": _WORKS,
    "dagster-cloud deployment sync-locations": _WORKS,
    "dagster-cloud deployment update-location": _WORKS,
    "dagster-cloud deployment upload-artifact": _WORKS,
    "dagster-cloud integration atlan delete-settings": _ATLAN,
    "dagster-cloud integration atlan get-settings": _ATLAN,
    "dagster-cloud integration atlan preflight-check": _ATLAN,
    "dagster-cloud integration atlan set-settings": _ATLAN,
    "dagster-cloud job launch": _WORKS,
    "dagster-cloud organization download-artifact": _WORKS,
    "dagster-cloud organization settings get": _WORKS,
    "dagster-cloud organization settings saml remove-identity-provider-metadata": _SAML,
    "dagster-cloud organization settings saml upload-identity-provider-metadata": _SAML,
    "dagster-cloud organization settings set-from-file": _WORKS,
    "dagster-cloud organization upload-artifact": _WORKS,
    "dagster-cloud pex execute-run": Row(Outcome.LOCAL, "the pool starts runs by itself"),
    "dagster-cloud pex grpc": Row(Outcome.LOCAL, "the pool has code servers of its own"),
    "dagster-cloud run status": _WORKS,
    "dagster-cloud serverless deploy-docker": _IMAGES,
    "dagster-cloud serverless deploy-python-executable": _WORKS,
    "dagster-cloud serverless upload-base-image": _IMAGES,
    "dagster-cloud settings saml remove-identity-provider-metadata": _SAML,
    "dagster-cloud settings saml upload-identity-provider-metadata": _SAML,
    "dagster-cloud workspace add-location": _WORKS,
    "dagster-cloud workspace delete-location": _WORKS,
    "dagster-cloud workspace list": _WORKS,
    "dagster-cloud workspace pull": _WORKS,
    "dagster-cloud workspace sync": _WORKS,
    "dagster-cloud workspace update-location": _WORKS,
    "dg api agent get": _WORKS,
    "dg api agent list": _WORKS,
    "dg api alert-policy list": _ALERTS,
    "dg api alert-policy sync": _ALERTS,
    "dg api artifact download": _WORKS,
    "dg api artifact upload": _WORKS,
    "dg api asset get": _WORKS,
    "dg api asset get-evaluations": _WORKS,
    "dg api asset get-events": _WORKS,
    "dg api asset get-health": Row(Outcome.WORKS, "open-source Dagster knows no asset health"),
    "dg api asset get-partition-status": _WORKS,
    "dg api asset list": _WORKS,
    "dg api asset-check get-executions": _WORKS,
    "dg api asset-check list": _WORKS,
    "dg api code-location add": _WORKS,
    "dg api code-location delete": _WORKS,
    "dg api code-location get": _WORKS,
    "dg api code-location list": _WORKS,
    "dg api deployment delete": _WORKS,
    "dg api deployment get": _WORKS,
    "dg api deployment list": _WORKS,
    "dg api deployment settings get": _WORKS,
    "dg api deployment settings set": _WORKS,
    "dg api issue add-link": _ISSUES,
    "dg api issue create": _ISSUES,
    "dg api issue get": _ISSUES,
    "dg api issue list": _ISSUES,
    "dg api issue remove-link": _ISSUES,
    "dg api issue update": _ISSUES,
    "dg api job get": _WORKS,
    "dg api job list": _WORKS,
    "dg api organization saml remove": _SAML,
    "dg api organization saml upload": _SAML,
    "dg api organization settings get": _WORKS,
    "dg api organization settings set": _WORKS,
    "dg api run get": _WORKS,
    "dg api run get-events": _WORKS,
    "dg api run get-logs": _WORKS,
    "dg api run launch": _WORKS,
    "dg api run list": _WORKS,
    "dg api schedule get": _WORKS,
    "dg api schedule get-ticks": _WORKS,
    "dg api schedule list": _WORKS,
    "dg api secret get": _SECRETS,
    "dg api secret list": _SECRETS,
    "dg api sensor get": _WORKS,
    "dg api sensor get-ticks": _WORKS,
    "dg api sensor list": _WORKS,
    "dg plus config set": _LOCAL,
    "dg plus config view": _LOCAL,
    "dg plus create ci-api-token": Row(Outcome.REFUSED, "tokens are made on the server"),
    "dg plus create env": _SECRETS,
    "dg plus deploy": _WORKS,
    "dg plus deploy build-and-push": _WORKS,
    "dg plus deploy configure": Row(Outcome.LOCAL, "writes files for dagster.cloud"),
    "dg plus deploy configure hybrid": Row(Outcome.LOCAL, "writes files for dagster.cloud"),
    "dg plus deploy configure serverless": Row(Outcome.LOCAL, "writes files for dagster.cloud"),
    "dg plus deploy deselect": _LOCAL,
    "dg plus deploy finish": _WORKS,
    "dg plus deploy inspect": _LOCAL,
    "dg plus deploy list-locations": _LOCAL,
    "dg plus deploy notify": _GITHUB,
    "dg plus deploy refresh-defs-state": Row(Outcome.NOT_YET, "it reads secrets first"),
    "dg plus deploy select": _LOCAL,
    "dg plus deploy set-build-output": _LOCAL,
    "dg plus deploy start": _WORKS,
    "dg plus deploy status": _LOCAL,
    "dg plus integrations dbt download-manifest": _DBT,
    "dg plus integrations dbt manage-manifest": _DBT,
    "dg plus login": Row(
        Outcome.NOT_YET, "signs in at dagster.cloud only; write the configuration instead"
    ),
    "dg plus pull env": _SECRETS,
}


def found_commands() -> list[str]:
    """The commands of the installed official command lines."""
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
    return sorted(found)


def client_section() -> str:
    """The part of the compatibility page about the command lines, in Markdown."""
    lines = ["| command | against Dagstead | |", "| --- | --- | --- |"]
    lines += [
        f"| `{name}` | {row.outcome} | {row.note} |" for name, row in sorted(COMMANDS.items())
    ]
    return "\n".join(lines) + "\n"


def _walk(command: click.Command, path: str) -> Iterator[str]:
    # typer brings a copy of click: groups are known by what they can do.
    names = getattr(command, "list_commands", None)
    if names is None:
        yield path
        return
    context = click.Context(command)
    for name in names(context):
        inner = command.get_command(context, name)  # type: ignore[attr-defined]
        # Hidden groups are older names that scripts still use; hidden commands are not for people.
        if not inner.hidden or hasattr(inner, "list_commands"):
            yield from _walk(inner, f"{path} {name}")
    if getattr(command, "invoke_without_command", False) and path.startswith("dg "):
        yield path
