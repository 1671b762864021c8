"""Options that choose the control plane and the deployment that a command talks to."""

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
        help="Address of the control plane; by default DAGSTER_CLOUD_URL, else the one saved by "
        "`dagstead login`. The token is DAGSTER_CLOUD_API_TOKEN, else the saved one.",
        rich_help_panel=_PANEL,
        show_default=False,
    ),
]


DeploymentOption = Annotated[
    str | None,
    typer.Option(
        "--deployment",
        help="Deployment to use; by default DAGSTER_CLOUD_DEPLOYMENT, else the server's first one.",
        rich_help_panel=_PANEL,
        show_default=False,
    ),
]


def deployment_of(flag: str | None) -> str | None:
    """The deployment from the flag, else the environment; ``None`` is the server's first one."""
    from dagstead.client.connection import DEPLOYMENT_VARIABLE

    return flag or os.environ.get(DEPLOYMENT_VARIABLE) or None


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetFlags:
    """A control plane, and one of its deployments."""

    url: UrlOption = None
    deployment: DeploymentOption = None

    def target(self) -> ServerAddress:
        """The address and token from flags, the environment and a saved login.

        There is no flag for the token: other users would see it in the list of processes.

        Raises:
            ConfigurationError: when the address or the token is missing.
        """
        from dagstead.client.saved_login import target_of

        return target_of(os.environ, self.url, self.deployment)


@dataclass(frozen=True, kw_only=True, slots=True)
class BranchTargetFlags(TargetFlags):
    """The same, or the branch deployment of the current branch."""

    branch: Annotated[
        bool,
        typer.Option(
            "--branch-deployment",
            help="Deploy to the branch deployment of the current pull request or branch; create it "
            "if needed.",
            rich_help_panel=_PANEL,
        ),
    ] = False
    close: Annotated[
        bool,
        typer.Option(
            "--close",
            help="Close the branch deployment instead; nothing is built.",
            rich_help_panel=_PANEL,
        ),
    ] = False
