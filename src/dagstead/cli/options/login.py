"""Options of ``login``: which CI runs the job, where it logs in, and where the token goes."""

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
    """The CI that runs the job."""

    github: Annotated[bool, typer.Option("--github", help="Log in a job of GitHub Actions.")] = (
        False
    )
    gitlab: Annotated[bool, typer.Option("--gitlab", help="Log in a job of GitLab CI.")] = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ExchangeFlags:
    """The control plane, and what its token must grant."""

    url: Annotated[
        str | None,
        typer.Option("--url", envvar="DAGSTER_CLOUD_URL", help="Address of the control plane."),
    ] = None
    deployment: Annotated[
        str | None,
        typer.Option("--deployment", help="Full deployment that the token must grant."),
    ] = None
    token_variable: Annotated[
        str | None,
        typer.Option(
            "--token-variable", help="GitLab: the variable that the job's id_tokens defines."
        ),
    ] = None
