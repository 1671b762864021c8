"""Workflows that deploy already what generated ones are to deploy."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass

from dagstead.model.source import Position
from dagstead.repository.ci.acts import Act, ActKind
from dagstead.repository.ci.inspection import Deployer, InspectedWorkflow, Inspection
from dagstead.repository.ci.job_runs import JobRun
from dagstead.repository.ci.model import Event, Job, Step
from dagstead.repository.ci.references import reference
from dagstead.repository.ci.sessions import Session

#: What a build makes of steps that come before it is not known from these.
_BUILDING = frozenset(
    {
        ActKind.BUILD,
        ActKind.BUILD_AND_DEPLOY,
        ActKind.DEPLOY,
        ActKind.PUSH,
        ActKind.RECORD,
    }
)
#: Acts that are no sign of a job that deploys.
_ASIDE = frozenset({ActKind.OPAQUE, ActKind.NOTIFY, ActKind.COMPARE, ActKind.CHECK})
#: Actions whose work generated files do in their own way.
_COVERED = re.compile(
    r"actions/(?:checkout|setup-python|cache|upload-artifact)|astral-sh/setup-uv|docker/[\w-]+"
)
#: Inputs of a checkout with which it brings more than the repository.
_MORE_FILES = frozenset({"repository", "submodules", "lfs"})
_COVERED_LINE = re.compile(
    r"\s*(?:(?:python3? -m |uv )?pip3? install(?: -\S+)*(?: [\"']?(?:dagster-cloud|pip|pex|uv)\S*)+"
    r"|uv (?:python install|tool install [\"']?dagster-cloud|venv)\b.*|(?:source|\.) \S*activate"
    r"|(?:docker|podman) login .*|set -\S+.*|echo .*|#.*|)\s*"
)
_MOST_CHARACTERS = 120


@dataclass(frozen=True, kw_only=True, slots=True)
class StepBefore:
    """A step that runs before the build."""

    position: Position
    #: What it runs or uses, in one line.
    text: str
    #: The lines of its script.
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class OlderWorkflow:
    """A workflow that deploys some of the same locations."""

    #: Relative to the root of the repository.
    path: str
    #: Where it deploys them.
    position: Position
    #: The locations, in the order of the configuration.
    names: tuple[str, ...]
    #: Whether it certainly does; otherwise which locations it deploys shows only when it runs.
    certain: bool
    #: What it does before the build, as far as generated files do not do it, too.
    steps: tuple[StepBefore, ...]
    #: The places of jobs that have nothing to do with the deploy, and their names.
    others: tuple[tuple[Position, str], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class OlderWorkflows:
    """All of them, by who wrote them."""

    #: Those that were generated, in another pattern: the new files take their place.
    generated: tuple[OlderWorkflow, ...]
    #: Those of somebody else.
    foreign: tuple[OlderWorkflow, ...]

    @property
    def refusals(self) -> Iterator[str]:
        """Why the new files must not be written beside them: a line each, with its place."""
        for each in self.foreign:
            names = ", ".join(map(repr, each.names))
            deploys = "already deploys" if each.certain else "may already deploy"
            yield f"{each.position}: this workflow {deploys} {names}."

    @property
    def mixed(self) -> Iterator[str]:
        """Why a file cannot be removed as a whole: a line each, with its place."""
        for each in self.foreign:
            for position, name in each.others:
                yield (
                    f"{position}: the job {name!r} has nothing to do with the deploy. Move it to a "
                    f"file of its own before {each.path} is removed."
                )

    def notes(self, commands: Container[str] = ()) -> Iterator[str]:
        """What they do before the build and the new files do not.

        ``commands`` are those that the new files run before the build.
        """
        steps = dict.fromkeys(step for each in self.foreign for step in each.steps)
        for step in steps:
            if step.lines and all(line in commands for line in step.lines):
                continue
            what = "what the build needs of it" if step.lines else "a command that does the same"
            yield (
                f"{step.position} does this before the build, and the new files do not: "
                f"{step.text}. Write {what} as before-build of [tool.dagstead] in pyproject.toml."
            )


def older_workflows(
    inspection: Inspection, names: Iterable[str], deployment: str, made: Container[str]
) -> tuple[OlderWorkflow, ...]:
    """The workflows that deploy the same, or may do so.

    Args:
        inspection: the workflows of the repository.
        names: the locations that are to be deployed.
        deployment: the full deployment that they go to.
        made: paths of files that are made anew.
    """
    found: dict[str, tuple[InspectedWorkflow, list[str], list[Deployer]]] = {}
    for name in names:
        for each in inspection.deployers.get(name, ()):
            path = each.inspected.workflow.path
            if path in made or not _is_same(each.session, deployment):
                continue
            _, own, deployers = found.setdefault(path, (each.inspected, [], []))
            if name not in own:
                own.append(name)
            deployers.append(each)
    return tuple(
        OlderWorkflow(
            path=path,
            position=min(act.position for each in deployers for act in each.session.deploys_of),
            names=tuple(own),
            certain=any(each.deploys for each in deployers),
            steps=tuple(_steps_before(inspected)),
            others=tuple(_other_jobs(inspected)),
        )
        for path, (inspected, own, deployers) in found.items()
    )


def _is_same(session: Session, deployment: str) -> bool:
    """Whether a session goes where the new files go, as far as that is known."""
    if session.run.event is Event.CHANGE:
        return True
    acts = (*((session.begin,) if session.begin else ()), *session.acts)
    known = {value for act in acts for value in _deployments(act)}
    return not known or deployment in known


def _deployments(act: Act) -> Iterator[str]:
    given = (act.options.get(key) for key in ("deployment", "--deployment"))
    for value in (*given, act.env.get("DAGSTER_CLOUD_DEPLOYMENT")):
        if value:
            yield value
            return


def _steps_before(inspected: InspectedWorkflow) -> Iterator[StepBefore]:
    seen: set[Position] = set()
    for run in inspected.runs:
        if run.event is Event.CLOSE or not _is_about_locations(run):
            continue
        for step in _before(run):
            place = step.node.position
            if place not in seen:
                seen.add(place)
                yield from _named(step)


def _before(run: JobRun) -> Iterator[Step]:
    """The steps of a job before the first that builds, without those that deal with Dagster."""
    acts = [(act.position, act.does) for act in run.acts]
    for step in run.job.steps:
        own = {does for place, does in acts if step.node.position.contains(place)}
        if own & _BUILDING:
            return
        if not own - _ASIDE and ActKind.COMPARE not in own:
            yield step


def _named(step: Step) -> Iterator[StepBefore]:
    place = (step.run or step.uses or step.node).position
    if step.uses is not None and step.uses.text:
        found = reference(step.uses.text)
        covered = found is not None and (found.is_official or _COVERED.fullmatch(found.name))
        inputs = () if step.inputs is None else step.inputs.entries
        more = any(each.key.value in _MORE_FILES for each in inputs)
        if not covered or more:
            yield StepBefore(position=place, text=step.uses.text)
    elif step.run is not None and step.run.text:
        lines = [each.strip() for each in step.run.text.splitlines()]
        own = tuple(each for each in lines if not _COVERED_LINE.fullmatch(each))
        if own:
            text = "; ".join(own)
            cut = text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}…"
            yield StepBefore(position=place, text=cut, lines=own)


def _other_jobs(inspected: InspectedWorkflow) -> Iterator[tuple[Position, str]]:
    jobs = inspected.workflow.jobs
    about = {run.job.name for run in inspected.runs if _is_about_locations(run)}
    about |= {each.name for each in jobs if _calls_one(each, inspected)}
    needed = set(about)
    for _ in jobs:
        needed |= {need for each in jobs if each.name in needed for need in each.needs}
    for each in jobs:
        if each.name not in needed:
            yield each.node.position, each.name


def _is_about_locations(run: JobRun) -> bool:
    return any(act.does not in _ASIDE for act in run.acts) or any(
        act.reference is not None and act.reference.is_official for act in run.acts
    )


def _calls_one(job: Job, inspected: InspectedWorkflow) -> bool:
    """Whether a job is a call of a workflow that deals with locations."""
    path = "" if job.uses is None else (job.uses.text or "").removeprefix("./")
    return any(
        run.workflow.path == path and _is_about_locations(run) for run in inspected.runs if path
    )
