"""Which control plane a command of the repository's side speaks to."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from dagstead.client.connection import ServerAddress

_PANEL = "Where the control plane is"

UrlOption = Annotated[
    str | None,
    typer.Option(
        "--url",
        help="Its address; DAGSTER_CLOUD_URL if left out, else that of `dagstead login`. The token "
        "is DAGSTER_CLOUD_API_TOKEN, else the saved one.",
        rich_help_panel=_PANEL,
        show_default=False,
    ),
]


DeploymentOption = Annotated[
    str | None,
    typer.Option(
        "--deployment",
        help="DAGSTER_CLOUD_DEPLOYMENT if left out, else the server's first one.",
        rich_help_panel=_PANEL,
        show_default=False,
    ),
]


def deployment_of(flag: str | None) -> str | None:
    """The deployment of a flag, else of the environment; ``None`` is the server's first one."""
    from dagstead.client.connection import DEPLOYMENT_VARIABLE

    return flag or os.environ.get(DEPLOYMENT_VARIABLE) or None


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetFlags:
    """A control plane, and a deployment of it."""

    url: UrlOption = None
    deployment: DeploymentOption = None

    def target(self) -> ServerAddress:
        """From flags, the environment and a saved login.

        A token is no flag: others would see it in the list of processes.

        Raises:
            ConfigurationError: when the address or the token is given nowhere.
        """
        from dagstead.client.saved_login import target_of

        return target_of(os.environ, self.url, self.deployment)


@dataclass(frozen=True, kw_only=True, slots=True)
class BranchTargetFlags(TargetFlags):
    """The same, or the deployment of the branch at hand."""

    branch: Annotated[
        bool,
        typer.Option(
            "--branch-deployment",
            help="Deploy to the branch deployment of the pull request or branch; create it first.",
            rich_help_panel=_PANEL,
        ),
    ] = False
    close: Annotated[
        bool,
        typer.Option(
            "--close",
            help="Close the branch deployment; nothing is built.",
            rich_help_panel=_PANEL,
        ),
    ] = False
