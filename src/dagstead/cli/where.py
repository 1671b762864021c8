"""Which control plane a command of the repository's side speaks to."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from dagstead.client.connection import Target

_PANEL = "Where the control plane is"

UrlOption = Annotated[
    str | None,
    typer.Option(
        "--url",
        help="Its address; DAGSTER_CLOUD_URL if left out. The token is DAGSTER_CLOUD_API_TOKEN.",
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


def target_of(url: str | None, deployment: str | None) -> Target:
    """From flags and the environment. A token is no flag: others would see it in the processes."""
    from dagstead.client.connection import Target

    return Target.of(os.environ, url=url, deployment=deployment)
