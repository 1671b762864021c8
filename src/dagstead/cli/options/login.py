"""Whose job logs in, where, and what becomes of its token."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer


class Output(StrEnum):
    """Where the token goes."""

    GITHUB_ENV = "github-env"
    EXPORT = "export"


@dataclass(frozen=True, kw_only=True, slots=True)
class JobFlags:
    """Whose job it is."""

    github: Annotated[bool, typer.Option("--github", help="A job of GitHub Actions.")] = False
    gitlab: Annotated[bool, typer.Option("--gitlab", help="A job of GitLab CI.")] = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ExchangeFlags:
    """Where the job's token is exchanged, and for what."""

    url: Annotated[
        str | None,
        typer.Option("--url", envvar="DAGSTER_CLOUD_URL", help="The control plane's address."),
    ] = None
    deployment: Annotated[
        str | None,
        typer.Option("--deployment", help="The full deployment that the token has to grant."),
    ] = None
    token_variable: Annotated[
        str | None,
        typer.Option("--token-variable", help="GitLab: the variable of the job's id_tokens."),
    ] = None
