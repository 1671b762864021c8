"""Options that choose deployments, and the agents that serve them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from dagstead.cli.options.target import UrlOption
from dagstead.cli.routing import (
    AgentsOption,
    AgentSource,
    DocumentsOption,
    LiveOption,
    NoPoolOption,
    SetOption,
)

if TYPE_CHECKING:
    from dagstead.repository.agents.outlook import Outlook
    from dagstead.repository.files import Project


@dataclass(frozen=True, kw_only=True, slots=True)
class DeploymentFlags:
    """The deployments to look at."""

    deployment: Annotated[
        str | None, typer.Option("--deployment", help="Look only at this full deployment.")
    ] = None
    branch: Annotated[bool, typer.Option("--branch", help="Look only at branch deployments.")] = (
        False
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentFlags:
    """The files that describe agents, or the control plane that agents are connected to."""

    agents: AgentsOption = None
    set_: SetOption = None
    documents: DocumentsOption = False
    no_pool: NoPoolOption = False
    live: LiveOption = False
    url: UrlOption = None

    def outlook(
        self, project: Project, deployments: DeploymentFlags, names: Sequence[str]
    ) -> Outlook:
        """Which agents will run these locations, or all locations if no names are given.

        Raises:
            DagsteadError: when the agents of a file or of the control plane cannot be read.
        """
        from dagstead.repository.agents.outlook import RoutesQuery, look

        source = AgentSource(
            agents=self.agents,
            sets=self.set_,
            documents=self.documents,
            no_pool=self.no_pool,
            live=self.live,
            url=self.url,
        )
        wanted = RoutesQuery(
            deployment=deployments.deployment, branch=deployments.branch, names=names
        )
        return look(project, source.found(project), wanted, live=self.live)
