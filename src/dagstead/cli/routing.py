"""Options that choose agents, and how their agents and the named locations are found."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from dagstead.errors import DagsteadError, InvalidInputError, UnansweredError

if TYPE_CHECKING:
    from dagstead.repository.agents.scan import AgentScan
    from dagstead.repository.files import Project

_PANEL = "Which agents there are"

AgentsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--agents",
        metavar="FILE",
        help="File that describes agents: dagster.yaml, Helm values (layers separated by commas), "
        "a file that installs agents, or agents.yaml; may be repeated.",
        rich_help_panel=_PANEL,
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Override a Helm value, as `helm --set` does; may be repeated.",
        rich_help_panel=_PANEL,
    ),
]
DocumentsOption = Annotated[
    bool,
    typer.Option(
        "--documents",
        help="Count the agents that documents show, too.",
        rich_help_panel=_PANEL,
    ),
]
NoPoolOption = Annotated[
    bool,
    typer.Option("--no-pool", help="Assume that there is no managed pool.", rich_help_panel=_PANEL),
]
LiveOption = Annotated[
    bool,
    typer.Option(
        "--live",
        help="Use the agents that are connected to the control plane.",
        rich_help_panel=_PANEL,
    ),
]


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentSource:
    """Where a command takes its agents from."""

    agents: Sequence[str] | None = None
    sets: Sequence[str] | None = None
    documents: bool = False
    no_pool: bool = False
    live: bool = False
    url: str | None = None

    def found(self, project: Project) -> AgentScan:
        """The agents, including the managed pool where it is assumed.

        Raises:
            DagsteadError: when the agents of a file or of the control plane cannot be read.
        """
        if not self.live:
            from dagstead.repository.agents.outlook import expected_agents

            return expected_agents(
                project,
                self.agents or [],
                self.sets or [],
                no_pool=self.no_pool,
                with_documents=self.documents,
            )
        self._refuse_with_live()
        return _live_agents(self.url)

    def _refuse_with_live(self) -> None:
        given = {
            "--agents": self.agents,
            "--set": self.sets,
            "--documents": self.documents,
            "--no-pool": self.no_pool,
        }
        for flag, value in given.items():
            if value:
                msg = f"--live asks the control plane for its agents. Leave {flag} out, or --live."
                raise InvalidInputError(msg)


def chosen(project: Project, names: Sequence[str]) -> Sequence[str]:
    """The same names, if all of them are names of locations.

    Raises:
        InvalidInputError: when one is not.
    """
    from dagstead.model.words import did_you_mean

    known = [each.name.value for each in project.locations]
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known) or f" Locations: {', '.join(known[:10])}."
            msg = f"There is no location {name!r}.{hint}"
            raise InvalidInputError(msg)
    return names


def _live_agents(url: str | None) -> AgentScan:
    from dagstead.client.agents import live_agents
    from dagstead.client.connection import Connection
    from dagstead.client.saved_login import target_of

    target = target_of(os.environ, url)
    try:
        with Connection(target) as connection:
            return live_agents(connection).as_scan()
    except DagsteadError as error:
        # 1 would say that something is wrong with the routes.
        raise UnansweredError(error.message) from error
