"""Which agents a command reckons with, and for which deployments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from dagstead.cli.options.target import UrlOption
from dagstead.cli.routing import AgentsOption, AgentSource, LiveOption, NoPoolOption, SetOption

if TYPE_CHECKING:
    from dagstead.check.outlook import Outlook
    from dagstead.repository.files import Project


@dataclass(frozen=True, kw_only=True, slots=True)
class DeploymentFlags:
    """The deployments that locations are looked at for."""

    deployment: Annotated[
        str | None, typer.Option("--deployment", help="Only this full deployment.")
    ] = None
    branch: Annotated[bool, typer.Option("--branch", help="Only branch deployments.")] = False


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentFlags:
    """The files that agents are found in, or the control plane that hears of them."""

    agents: AgentsOption = None
    set_: SetOption = None
    no_pool: NoPoolOption = False
    live: LiveOption = False
    url: UrlOption = None

    def outlook(
        self, project: Project, deployments: DeploymentFlags, names: Sequence[str]
    ) -> Outlook:
        """Who will run these locations, all of them without names.

        Raises:
            DagsteadError: when a file, or the control plane, does not say which agents there are.
        """
        from dagstead.check.outlook import RoutesQuery, look

        source = AgentSource(
            agents=self.agents,
            sets=self.set_,
            no_pool=self.no_pool,
            live=self.live,
            url=self.url,
        )
        wanted = RoutesQuery(
            deployment=deployments.deployment, branch=deployments.branch, names=names
        )
        return look(project, source.found(project), wanted, live=self.live)
