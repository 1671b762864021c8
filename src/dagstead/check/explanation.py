"""Everything about one location, gathered from the rooms that know it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dagstead.build.model import PlannedBuild
from dagstead.build.plan_options import PlanOptions
from dagstead.build.planning import make_plan
from dagstead.errors import DagsteadError, GitError, InvalidInputError
from dagstead.model.location import Location
from dagstead.model.source import Position
from dagstead.repository.agents.outlook import Outlook
from dagstead.repository.changes import FilesOnDisk, Glob, Hop, Part, Subtree, made_from
from dagstead.repository.changes.git import open_repository
from dagstead.repository.changes.reports import shown
from dagstead.repository.ci.inspection import Use
from dagstead.repository.files import Project
from dagstead.repository.rules.base import Finding
from dagstead.repository.rules.checking import judge
from dagstead.repository.rules.evidence import Evidence
from dagstead.repository.rules.registry import all_rules

_WORD = re.compile(r"[\w.-]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class SourcePath:
    """A path that a location is made from, and the chain that leads there."""

    #: Relative to the top of the repository; a folder ends with ``/``.
    path: str
    #: From the path back to the location.
    chain: Sequence[Hop]


@dataclass(frozen=True, kw_only=True, slots=True)
class Explanation:
    """One location."""

    location: Location
    #: Where else the name is defined.
    others: Sequence[Position]
    #: ``None`` when it cannot be built, and then ``problem`` says why.
    build: PlannedBuild | None
    problem: str | None
    outlook: Outlook
    uses: Sequence[Use]
    made_from: Sequence[SourcePath]
    findings: Sequence[Finding]


def explain(project: Project, location: Location, outlook: Outlook) -> Explanation:
    """Gather all. ``outlook`` is of this location alone; nothing of the repository is run."""
    evidence = Evidence(project=project)
    build, problem = _build(evidence, location)
    name = location.name.value
    same = [each for each in project.definitions if each.name.value == name]
    uses = evidence.inspection.uses_of(location)
    return Explanation(
        location=location,
        others=[each.position for each in same if each is not location],
        build=build,
        problem=problem,
        outlook=outlook,
        uses=uses,
        made_from=tuple(_made_from(project, location)),
        findings=tuple(_findings(evidence, same, uses)),
    )


def _build(evidence: Evidence, location: Location) -> tuple[PlannedBuild | None, str | None]:
    options = PlanOptions(locations=(location.name.value,), environment=dict(os.environ))
    try:
        (build,) = make_plan(evidence.project, options, evidence.inspection).builds
    except DagsteadError as error:
        return None, error.message
    return build, None


def _made_from(project: Project, location: Location) -> Iterator[SourcePath]:
    try:
        git = open_repository(project.root)
        top, prefix = git.top, git.prefix
        files = FilesOnDisk(top, git)
    except (GitError, InvalidInputError):
        top, prefix = project.root, ""
        files = FilesOnDisk(top)
    for part, chain in made_from(project, files, prefix=prefix)[location.name.value].items():
        yield SourcePath(path=_shown(part, str(top)), chain=chain.hops())


def _shown(part: Part, top: str) -> str:
    if isinstance(part, Subtree):
        is_folder = os.path.isdir(f"{top}/{part.path}")  # noqa: PTH112 - many
        return shown(part.path) + ("/" if is_folder else "")
    if isinstance(part, Glob):
        return shown(part.pattern if part.folder == "." else f"{part.folder}/{part.pattern}")
    return shown(f"{part.path} (what {part.package} needs of it)")


def _findings(
    evidence: Evidence, definitions: Sequence[Location], uses: Sequence[Use]
) -> Iterator[Finding]:
    """What ``dagstead check`` says inside its entries, by its name, or of what deploys it."""
    name = definitions[0].name.value
    files = {place.file for use in uses for place in (*use.builds, *use.deploys)}
    others = {each.name.value for each in evidence.project.definitions} - {name}
    for each in judge(evidence, all_rules()):
        inside = any(_is_inside(each.position, location) for location in definitions)
        words = set(_WORD.findall(each.found.message))
        of_its_deploys = each.position.file in files and (name in words or not words & others)
        if inside or of_its_deploys or repr(name) in each.found.message:
            yield each


def _is_inside(position: Position, location: Location) -> bool:
    entry = location.written.position
    within = entry.line <= position.line <= entry.end_line
    return position.file == entry.file and within
