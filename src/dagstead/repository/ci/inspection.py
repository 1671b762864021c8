"""The entry point: what the workflows of a repository do to its locations."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from dagstead.model.location import Location
from dagstead.model.source import Position
from dagstead.repository.ci.acts import Act, BuildMethod
from dagstead.repository.ci.job_runs import JobRun, follow
from dagstead.repository.ci.model import Event, Workflow, WorkflowFiles
from dagstead.repository.ci.patterns import PatternEvidence, Verdict, repository_verdict, verdict
from dagstead.repository.ci.reader import FilesBelow, SourceFiles, read_workflows
from dagstead.repository.ci.sessions import Session, Universes, sessions_of
from dagstead.repository.ci.triggers import described
from dagstead.repository.files import Project
from dagstead.repository.files.outputs import is_own_name
from dagstead.repository.files.project import project_prefix

_LEFT_OUT = frozenset({".git", ".venv", "venv", "node_modules", "__pycache__", ".tox", ".nox"})


@dataclass(frozen=True, kw_only=True)
class InspectedWorkflow:
    """One workflow, and what it does."""

    workflow: Workflow
    runs: tuple[JobRun, ...]
    sessions: tuple[Session, ...]
    verdict: Verdict

    def acts(self, *events: Event) -> Iterator[tuple[JobRun, Act]]:
        """The acts, for some events or for all."""
        for run in self.runs:
            if not events or run.event in events:
                yield from ((run, act) for act in run.acts)


@dataclass(frozen=True, kw_only=True, slots=True)
class Deployer:
    """A session that deploys a location, or may do so."""

    inspected: InspectedWorkflow
    session: Session
    #: ``None`` where that shows only when the workflow runs.
    deploys: bool | None


@dataclass(frozen=True, kw_only=True)
class Use:
    """A workflow that deploys a location: for ``dagstead explain``."""

    workflow: str
    name: str
    #: The places of the steps that build it, and of those that deploy it.
    builds: tuple[Position, ...]
    #: The places of the steps that build it, by how, as far as that is known.
    ways: Mapping[BuildMethod, tuple[Position, ...]]
    deploys: tuple[Position, ...]
    #: Whether it certainly does. Otherwise it shows only when it runs.
    certain: bool
    events: tuple[Event, ...]
    #: What starts the workflow, for people.
    triggers: tuple[str, ...]
    branches: tuple[str, ...]
    #: The path filter of pushes, ``None`` without one.
    paths: tuple[str, ...] | None


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """A repository with its workflows, followed."""

    project: Project
    #: The folder that was read, relative to the root of the repository.
    prefix: str
    files: WorkflowFiles
    workflows: tuple[InspectedWorkflow, ...]
    verdict: Verdict

    def of(self, path: str) -> InspectedWorkflow | None:
        """A workflow by its path from the root of the repository."""
        return next((each for each in self.workflows if each.workflow.path == path), None)

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """Every file of the repository, relative to its root, but what tools make."""
        return tuple(sorted(_files_below(self.project.repository)))

    def paths_below(self, folder: str) -> tuple[str, ...]:
        """The files of a folder, at any depth; ``.`` is the root."""
        if folder == ".":
            return self.paths
        start = bisect_left(self.paths, f"{folder}/")
        # The character behind "/" ends what begins with it.
        return self.paths[start : bisect_left(self.paths, f"{folder}0")]

    @cached_property
    def deployers(self) -> Mapping[str, tuple[Deployer, ...]]:
        """What deploys each location, or may do so, by its name."""
        found: dict[str, list[Deployer]] = {each.name.value: [] for each in self.project.locations}
        for inspected in self.workflows:
            for session in () if inspected.workflow.is_only_called else inspected.sessions:
                for each in session.candidates(self.project.locations):
                    deploys = session.deploys(each)
                    if deploys is not False:
                        one = Deployer(inspected=inspected, session=session, deploys=deploys)
                        found[each.name.value].append(one)
        return {name: tuple(each) for name, each in found.items()}

    def builds_of(self, location: Location) -> tuple[Act, ...]:
        """What builds a location, or may do so, in the workflows that deploy it."""
        name = location.name.value
        found = (
            act
            for each in self.deployers.get(name, ())
            for act in each.session.builds_of
            if act.chosen.has(name) is not False
        )
        return tuple({id(act): act for act in found}.values())

    def uses_of(self, location: Location) -> tuple[Use, ...]:
        """The workflows that build or deploy a location, or may do so."""
        found = (self._use(each, location) for each in self.workflows)
        return tuple(each for each in found if each is not None)

    def _use(self, inspected: InspectedWorkflow, location: Location) -> Use | None:
        concerned = [
            each
            for each in inspected.sessions
            if each.deploys(location) is not False or each.builds(location) is not False
        ]
        if not concerned or inspected.workflow.is_only_called:
            return None
        push = inspected.workflow.trigger("push")
        name = location.name.value
        return Use(
            workflow=inspected.workflow.path,
            name=inspected.workflow.name,
            builds=_places(name, (act for each in concerned for act in each.builds_of)),
            ways=_ways(name, [act for each in concerned for act in each.builds_of]),
            deploys=_places(name, (act for each in concerned for act in each.deploys_of)),
            certain=any(each.certainly(location) for each in concerned),
            events=tuple(dict.fromkeys(each.run.event for each in concerned)),
            triggers=tuple(described(inspected.workflow)),
            branches=(push.branches or ()) if push else (),
            paths=_paths(push.paths.patterns) if push and push.paths else None,
        )


def inspect(project: Project, source: SourceFiles | None = None) -> Inspection:
    """Read and follow the workflows of the repository of a project.

    Never raises for what is in a file.

    Args:
        project: what is known of the repository.
        source: its files, by their paths from its top; without it those on disk.
    """
    files = read_workflows(project, source or FilesBelow(project.repository))
    universes: Universes = {}
    found = tuple(_inspected(project, each, files, universes) for each in files.workflows)
    return Inspection(
        project=project,
        prefix=project_prefix(project),
        files=files,
        workflows=found,
        verdict=repository_verdict(each.verdict for each in found),
    )


def _inspected(
    project: Project, workflow: Workflow, files: WorkflowFiles, universes: Universes
) -> InspectedWorkflow:
    runs = follow(workflow, files)
    number = len(project.locations)
    sessions = tuple(sessions_of(project, runs, universes))
    evidence = PatternEvidence(workflow=workflow, runs=runs, sessions=sessions, locations=number)
    return InspectedWorkflow(
        workflow=workflow, runs=runs, sessions=sessions, verdict=verdict(evidence)
    )


def _places(name: str, acts: Iterator[Act]) -> tuple[Position, ...]:
    found = (each.position for each in acts if each.chosen.has(name) is not False)
    return tuple(dict.fromkeys(found))


def _ways(name: str, acts: Sequence[Act]) -> Mapping[BuildMethod, tuple[Position, ...]]:
    found = {
        way: _places(name, (act for act in acts if act.strategy is way)) for way in BuildMethod
    }
    return {way: places for way, places in found.items() if places}


def _paths(patterns: tuple[object, ...]) -> tuple[str, ...]:
    return tuple(str(getattr(each, "text", "")) for each in patterns)


def _files_below(root: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(root):
        folders[:] = [each for each in folders if each not in _LEFT_OUT and not is_own_name(each)]
        relative = os.path.relpath(folder, root).replace(os.sep, "/")
        for name in names:
            yield name if relative == "." else f"{relative}/{name}"
