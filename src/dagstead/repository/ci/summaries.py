"""What each workflow does, in a few words: for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dagstead.model.location import Kind, Location
from dagstead.model.source import Position
from dagstead.repository.ci.acts import Act, BuildMethod
from dagstead.repository.ci.inspection import InspectedWorkflow, Inspection
from dagstead.repository.ci.model import Event
from dagstead.repository.ci.patterns import NAMES
from dagstead.repository.ci.sessions import Session
from dagstead.repository.ci.triggers import described
from dagstead.repository.files.places import place

_KINDS = {Kind.SERVERLESS: BuildMethod.PEX, Kind.HYBRID: BuildMethod.IMAGE}
_FULL = frozenset({Event.PUSH, Event.OTHER})


@dataclass(frozen=True, kw_only=True, slots=True)
class LocationUse:
    """What a workflow does with a location."""

    name: str
    #: How it is built; empty where nothing is built, or that is not known.
    ways: tuple[str, ...]
    builds: tuple[Position, ...]
    deploys: tuple[Position, ...]
    #: Whether it certainly deploys it when it runs.
    certain: bool
    to_full: bool
    to_branch: bool

    @property
    def sentence(self) -> str:
        """For people."""
        how = f" ({' or '.join(self.ways)})" if self.ways else ""
        if self.to_full and self.to_branch:
            return f"{self.name}{how}"
        where = "full deployment only" if self.to_full else "branch deployments only"
        return f"{self.name}{how}, {where}"


def handled(inspection: Inspection, inspected: InspectedWorkflow) -> tuple[LocationUse, ...]:
    """The locations that a workflow deploys, or may deploy."""
    found = (_handled(inspected, each) for each in inspection.project.locations)
    return tuple(each for each in found if each is not None)


def as_data(inspection: Inspection, prefix: str) -> dict[str, Any]:
    """The repository and its workflows, for programs."""
    return {
        "pattern": str(inspection.verdict.shape),
        "reason": inspection.verdict.reason,
        "workflows": [_workflow(inspection, each, prefix) for each in inspection.workflows],
    }


def as_lines(inspection: Inspection) -> Iterator[str]:
    """The repository and its workflows, for people: a paragraph per workflow."""
    verdict = inspection.verdict
    yield f"Repository: {NAMES[verdict.shape]} ({verdict.reason})"
    for each in inspection.workflows:
        yield ""
        yield f"{each.workflow.path}: {NAMES[each.verdict.shape]}"
        yield f"  because: {each.verdict.reason}"
        triggers = "; ".join(described(each.workflow))
        if triggers:
            yield f"  starts on: {triggers}"
        every = handled(inspection, each)
        for label, known in (("deploys", True), ("may deploy", False)):
            sentences = [one.sentence for one in every if one.certain is known]
            if sentences:
                yield f"  {label}: {'; '.join(sentences)}"


def _workflow(inspection: Inspection, each: InspectedWorkflow, prefix: str) -> dict[str, Any]:
    return {
        "path": each.workflow.path,
        "provider": str(each.workflow.provider),
        "pattern": str(each.verdict.shape),
        "reason": each.verdict.reason,
        "triggers": list(described(each.workflow)),
        "locations": [
            {
                "name": one.name,
                "certain": one.certain,
                "full_deployment": one.to_full,
                "branch_deployments": one.to_branch,
                "built_as": list(one.ways),
                "builds": [place(prefix, at) for at in one.builds],
                "deploys": [place(prefix, at) for at in one.deploys],
            }
            for one in handled(inspection, each)
        ],
    }


def _handled(inspected: InspectedWorkflow, location: Location) -> LocationUse | None:
    if inspected.workflow.is_only_called:
        return None
    sessions = [each for each in inspected.sessions if each.deploys(location) is not False]
    if not sessions:
        return None
    name = location.name.value
    builds = [act for each in sessions for act in _about(each.builds_of, name)]
    is_one = len({act.strategy for act in builds}) == 1
    ways = dict.fromkeys(_way(act, location, is_one=is_one) for act in builds)
    return LocationUse(
        name=name,
        ways=tuple(str(each) for each in ways if each is not None),
        builds=_places(builds),
        deploys=_places(act for each in sessions for act in _about(each.deploys_of, name)),
        certain=any(each.certainly(location) for each in sessions),
        to_full=_runs(sessions, *_FULL),
        to_branch=_runs(sessions, Event.CHANGE),
    )


def _about(acts: tuple[Act, ...], name: str) -> Iterator[Act]:
    return (each for each in acts if each.chosen.has(name) is not False)


def _way(act: Act, location: Location, *, is_one: bool) -> BuildMethod | None:
    if act.strategy is BuildMethod.BY_KIND:
        return _KINDS.get(location.kind)
    if act.chosen.unknown and not is_one and act.strategy is not _KINDS.get(location.kind):
        # Of two steps that choose while they run, one is for each kind.
        return None
    return act.strategy


def _runs(sessions: list[Session], *events: Event) -> bool:
    return any(each.run.event in events for each in sessions)


def _places(acts: Iterator[Act] | list[Act]) -> tuple[Position, ...]:
    return tuple(dict.fromkeys(each.position for each in acts))
