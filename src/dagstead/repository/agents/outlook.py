"""Puts a repository and its agents together: which deployments to look at, and what to assume."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from dagstead.model.agents import Agent, AgentKind, managed_pool
from dagstead.model.location import Kind
from dagstead.repository.agents.hints import HINT
from dagstead.repository.agents.scan import AgentScan
from dagstead.repository.agents.sources import agents_in_files
from dagstead.repository.files.project import Project
from dagstead.routing.findings import ABOUT_NO_LOCATION, findings
from dagstead.routing.remarks import Remark, exit_code, ordered
from dagstead.routing.routes import (
    BRANCHES,
    Destination,
    Route,
    RoutedLocation,
    State,
    routes,
)

#: What the official command line deploys to when nothing else is said.
USUAL_DEPLOYMENT = "prod"


@dataclass(frozen=True, kw_only=True, slots=True)
class RoutesQuery:
    """What to look at; by default all locations, where the repository deploys them."""

    #: Only this full deployment.
    deployment: str | None = None
    #: Only branch deployments, and the full one that is named beside.
    branch: bool = False
    #: Only these locations; empty is all.
    names: Collection[str] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Outlook:
    """Which agents will run which locations, with remarks."""

    agents: tuple[Agent, ...]
    routes: tuple[Route, ...]
    remarks: tuple[Remark, ...]

    @property
    def exit_code(self) -> int:
        """1 when something is wrong, 2 when something could not be found out, otherwise 0."""
        return exit_code(self.remarks)

    def strictly(self) -> Outlook:
        """The same where warnings are errors, and every location needs an agent that is known."""
        return replace(self, remarks=ordered(each.strictly() for each in self.remarks))


def expected_agents(
    project: Project,
    named: Sequence[str] = (),
    sets: Sequence[str] = (),
    *,
    no_pool: bool = False,
    with_documents: bool = False,
) -> AgentScan:
    """The agents of files, and the managed pool where it is assumed.

    Args:
        project: the repository.
        named: files of agents, as of :func:`dagstead.repository.agents.sources.agents_in_files`.
        sets: what is laid over Helm values.
        no_pool: whether there is no managed pool.
        with_documents: whether the agents that documents show count.

    Raises:
        InvalidInputError: when a file or ``sets`` are not of their form.
    """
    found = agents_in_files(project, named, sets, with_documents=with_documents)
    return found if no_pool else with_pool(found, project)


def with_pool(found: AgentScan, project: Project) -> AgentScan:
    """The agents of files with the managed pool, which no file defines.

    It is concluded from serverless locations, which nothing else runs, and counts for those alone.
    """
    if any(each.kind is AgentKind.POOL for each in found.agents):
        return found
    if not any(each.kind is Kind.SERVERLESS for each in project.locations):
        return found
    return found + AgentScan(agents=(managed_pool(is_assumed=True),))


def targets_of(
    agents: Sequence[Agent], deployment: str | None, *, branch: bool
) -> tuple[Destination, ...]:
    """The deployments to look at: those that are asked for, else ``prod`` and all branches.

    Where every agent names deployments and none names ``prod``, those are looked at.
    """
    if deployment is not None or branch:
        full = (Destination(deployment=deployment),) if deployment is not None else ()
        return (*full, *((BRANCHES,) if branch else ()))
    named = {name for each in agents for name in each.deployments or ()}
    hybrid = [each for each in agents if each.kind is AgentKind.HYBRID]
    free = any(each.deployments is None for each in hybrid)
    if not named or free or USUAL_DEPLOYMENT in named:
        return Destination(deployment=USUAL_DEPLOYMENT), BRANCHES
    return (*(Destination(deployment=each) for each in sorted(named)), BRANCHES)


def look(
    project: Project, found: AgentScan, wanted: RoutesQuery | None = None, *, live: bool = False
) -> Outlook:
    """Route the locations of a repository.

    Args:
        project: the repository.
        found: its agents, and remarks about their files.
        wanted: the deployments and locations to look at. Where only branch deployments are, a
            location that nobody runs there is an error.
        live: whether the agents are those that are heard of.
    """
    wanted = wanted or RoutesQuery()
    names = wanted.names
    targets = targets_of(found.agents, wanted.deployment, branch=wanted.branch)
    branches_matter = wanted.branch and wanted.deployment is None
    chosen = [each for each in project.locations if not names or each.name.value in names]
    known = live or found.is_whole or any(not each.is_assumed for each in found.agents)
    routed = routes(
        [RoutedLocation.of(each) for each in chosen], targets, found.agents, are_all_known=known
    )
    remarks = findings(routed, found.agents, branches_matter=branches_matter, running=live)
    if names:
        # Whether a queue is used does not show when some locations are left out.
        remarks = tuple(each for each in remarks if each.name not in ABOUT_NO_LOCATION)
    about_files = found.remarks
    if all(each.state is not State.UNKNOWN for each in routed):
        # What documents show matters only where an agent is looked for.
        about_files = tuple(each for each in about_files if each.name != HINT)
    return Outlook(agents=found.agents, routes=routed, remarks=ordered((*remarks, *about_files)))
