"""From a project to a plan: the strategy of each location, why, and what it needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dagstead.build.commits import commit_of
from dagstead.build.model import BuildPlan, PlannedBuild, Strategy
from dagstead.build.plan_options import PlanOptions
from dagstead.build.planner import Planner
from dagstead.errors import InvalidInputError
from dagstead.model.location import Location
from dagstead.model.words import did_you_mean
from dagstead.repository.ci.inspection import Inspection
from dagstead.repository.files import Project
from dagstead.repository.files.project import left_out_note
from dagstead.repository.python.pins import SUPPORTED
from dagstead.repository.rules import packages, registries
from dagstead.repository.rules.checking import judge
from dagstead.repository.rules.evidence import Evidence

#: What would make an image that cannot be pushed, or a location that cannot be loaded.
_RULES = (
    registries.registry_with_tag,
    registries.registry_not_an_address,
    registries.registry_with_scheme,
    registries.variable_not_filled_in,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildRefusal:
    """A location that cannot be built as it is written or chosen."""

    location: str
    #: ``file:line:column`` of what is wrong.
    position: str
    #: Sentences.
    reason: str

    def __str__(self) -> str:
        return f"{self.position}: {self.reason}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Outline:
    """What can be built, and what cannot."""

    plan: BuildPlan
    refusals: tuple[BuildRefusal, ...]

    def check(self) -> None:
        """Pass over one without refusals.

        Raises:
            InvalidInputError: with a sentence for each.
        """
        if self.refusals:
            raise InvalidInputError("\n".join(dict.fromkeys(map(str, self.refusals))))


def make_plan(
    project: Project, options: PlanOptions, followed: Inspection | None = None
) -> BuildPlan:
    """Decide how each location is built. Builds nothing, and runs nothing of the project.

    Args:
        project: what is known of the repository.
        options: what was asked for.
        followed: its workflows, where they were followed already.

    Raises:
        InvalidInputError: with a sentence for each location that cannot be built as it is written
            or chosen: ambiguous, without a folder, with a registry that is not one.
    """
    outline = make_outline(project, options, followed)
    outline.check()
    return outline.plan


def make_outline(
    project: Project, options: PlanOptions, followed: Inspection | None = None
) -> Outline:
    """The same, where one location that cannot be built hides no other.

    Raises:
        InvalidInputError: when there is no location, or a name that is asked for is none.
    """
    _check_names(project, options)
    chosen = [
        each
        for each in project.locations
        if not options.locations or each.name.value in options.locations
    ]
    if not chosen:
        msg = (
            f"There is no code location in {project.root.name!r}. "
            f"{left_out_note(project) or 'Run it at the folder of your dagster_cloud.yaml.'}"
        )
        raise InvalidInputError(msg)
    evidence = Evidence(project=project, followed=followed)
    refusals = [*_broken_rules(evidence, chosen, options)]
    broken = {each.location for each in refusals}
    planner = Planner(evidence, options, commit_of(project.root))
    builds = []
    for location in chosen:
        name = location.name.value
        try:
            build = planner.build_of(location)
        except InvalidInputError as error:
            refusals.append(
                BuildRefusal(
                    location=name,
                    position=str(location.position),
                    reason=f"{name}: {error.message}",
                )
            )
            continue
        missing = _uninstallable(evidence, location, build)
        refusals += missing
        builds += [build] if name not in broken and not missing else []
    plan = BuildPlan(root=project.root, builds=tuple(builds), commit=planner.commit)
    return Outline(plan=plan, refusals=tuple(refusals))


def _broken_rules(
    evidence: Evidence, chosen: list[Location], options: PlanOptions
) -> Iterator[BuildRefusal]:
    for finding in judge(evidence, _RULES):
        for location in chosen:
            if location.registry is None or location.registry.position != finding.position:
                continue
            if options.registry is not None or location.name.value in options.registries:
                continue
            yield BuildRefusal(
                location=location.name.value,
                position=str(finding.position),
                reason=f"{finding.code} {finding.found.sentences}",
            )


def _uninstallable(
    evidence: Evidence, location: Location, build: PlannedBuild
) -> list[BuildRefusal]:
    """What a PEX file lacks, unless commands before the build may write it."""
    is_pex = build.strategy is Strategy.PEX and build.before is None
    found = packages.uninstallable(evidence, location) if is_pex else None
    if found is None:
        return []
    reason = f"{packages.nothing_to_install.code} {found.sentences}"
    return [BuildRefusal(location=build.location, position=str(found.position), reason=reason)]


def _check_names(project: Project, options: PlanOptions) -> None:
    for text in (*options.registries.values(), *([options.registry] if options.registry else [])):
        problem = registries.problem_of_registry(text)
        if problem is not None:
            msg = f"--registry {text!r} {problem}: write HOST/PATH, as `docker push` takes it."
            raise InvalidInputError(msg)
    if options.python is not None and options.python not in SUPPORTED:
        msg = f"--python {options.python!r} is not one of {', '.join(SUPPORTED)}."
        raise InvalidInputError(msg)
    known = [each.name.value for each in project.locations]
    for flag, names in (
        ("--location", options.locations),
        ("--strategy", options.strategies),
        ("--image", options.images),
        ("--registry", options.registries),
        ("--dockerfile", options.dockerfiles),
    ):
        for name in names:
            if name not in known:
                hint = did_you_mean(name, known)
                listed = ", ".join(known) or "none"
                msg = f"{flag}: there is no location {name!r}.{hint} Locations: {listed}."
                raise InvalidInputError(msg)
