"""Puts a repository and its agents together: which deployments to look at, and what to assume."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from dagstead.model.agents import Agent, AgentKind, managed_pool
from dagstead.model.location import Kind
from dagstead.repository.agents.scan import AgentScan
from dagstead.repository.agents.sources import agents_in_files
from dagstead.repository.files.project import Project
from dagstead.routing.findings import ABOUT_NO_LOCATION, findings
from dagstead.routing.remarks import Remark, Weight
from dagstead.routing.routes import BRANCHES, Destination, Route, RoutedLocation, routes

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
    def is_unserved(self) -> bool:
        """Whether there is a location that nobody will run where it matters."""
        return any(each.name == "unserved" and each.weight is Weight.ERROR for each in self.remarks)

    @property
    def is_doubtful(self) -> bool:
        """Whether there is anything more than a note."""
        return any(each.weight is not Weight.NOTE for each in self.remarks)


def expected_agents(
    project: Project,
    named: Sequence[str] = (),
    sets: Sequence[str] = (),
    *,
    no_pool: bool = False,
) -> AgentScan:
    """The agents of files, and the managed pool where it is assumed.

    Args:
        project: the repository.
        named: files of agents, as of :func:`dagstead.repository.agents.sources.agents_in_files`.
        sets: what is laid over Helm values.
        no_pool: whether there is no managed pool.

    Raises:
        InvalidInputError: when a file or ``sets`` are not of their form.
    """
    found = agents_in_files(project, named, sets)
    return found if no_pool else with_pool(found, project)


def with_pool(found: AgentScan, project: Project) -> AgentScan:
    """The agents of files with the managed pool, which no file defines, and the note of it.

    A repository without serverless locations is taken to have no pool beside its agents.
    """
    if any(each.kind is AgentKind.POOL for each in found.agents):
        return found
    serverless = any(each.kind is Kind.SERVERLESS for each in project.locations)
    if found.agents and not serverless:
        return found
    if found.agents:
        message = "the managed pool is taken to serve the default queue beside these agents"
        advice = "Add --no-pool where there is none"
    else:
        message = (
            "no agents are known: the managed pool alone is assumed, which serves the default queue"
        )
        advice = "Name the files of your agents with --agents, or ask a control plane with --live"
    note = Remark(name="pool-assumed", weight=Weight.NOTE, message=message, advice=advice)
    return found + AgentScan(agents=(managed_pool(),), remarks=(note,))


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
    routed = routes([RoutedLocation.of(each) for each in chosen], targets, found.agents)
    told = findings(routed, found.agents, branches_matter=branches_matter, running=live)
    if names:
        # Whether a queue is used does not show when some locations are left out.
        told = tuple(each for each in told if each.name not in ABOUT_NO_LOCATION)
    return Outlook(agents=found.agents, routes=routed, remarks=(*told, *found.remarks))
