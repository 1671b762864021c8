"""The pattern of a workflow: how it divides locations among jobs, and why it is taken for that."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dagstead.repository.ci.acts import DEPLOYING, Act, ActKind
from dagstead.repository.ci.calls import includes_others
from dagstead.repository.ci.commands import COMPARING
from dagstead.repository.ci.expressions import UnknownValue
from dagstead.repository.ci.job_runs import JobRun
from dagstead.repository.ci.model import Event, Step, Workflow
from dagstead.repository.ci.references import reference
from dagstead.repository.ci.sessions import Session
from dagstead.repository.ci.steps import CLI_PARTS


class Shape(StrEnum):
    """The pattern that a workflow has."""

    PER_LOCATION = "a"
    EVERYTHING = "b1"
    CHANGED = "b2"
    ROUTED = "b3"
    ROUTED_MATRIX = "b3+c"
    MATRIX = "c"
    TEMPLATE = "template"
    #: It is part of the workflows that call it.
    CALLED = "called"
    OTHER = "other"
    #: It deploys nothing.
    NONE = "none"
    EMPTY = "empty"
    INVALID = "invalid"


NAMES: Mapping[Shape, str] = {
    Shape.PER_LOCATION: "A, a workflow for each location",
    Shape.EVERYTHING: "B1, one workflow that builds everything",
    Shape.CHANGED: "B2, one workflow that builds what changed",
    Shape.ROUTED: "B3, one workflow that reads the configuration when it runs",
    Shape.ROUTED_MATRIX: "B3 and C, it reads the configuration and has a job for each location",
    Shape.MATRIX: "C, one workflow with a job for each location",
    Shape.TEMPLATE: "the official serverless template (B3 and C)",
    Shape.CALLED: "called by other workflows",
    Shape.OTHER: "none of the patterns",
    Shape.NONE: "deploys nothing",
    Shape.EMPTY: "empty",
    Shape.INVALID: "cannot be read",
}
#: Shapes of workflows that deploy.
DEPLOYING_SHAPES = frozenset(Shape) - {Shape.CALLED, Shape.NONE, Shape.EMPTY, Shape.INVALID}

_HANDLING = DEPLOYING | {ActKind.BUILD, ActKind.RECORD}
#: What earlier steps and jobs have found out.
_FOUND_OUT = re.compile(r"\b(?:steps|needs|env)\b")


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """The pattern of a workflow."""

    shape: Shape
    #: A sentence without a full stop.
    reason: str


@dataclass(frozen=True, kw_only=True)
class PatternEvidence:
    """What a verdict is found from."""

    workflow: Workflow
    runs: tuple[JobRun, ...]
    sessions: tuple[Session, ...]
    #: How many locations the repository has.
    locations: int

    @property
    def acts(self) -> tuple[Act, ...]:
        """All acts, but those of a pull request that is closed."""
        return tuple(act for run in self.runs if run.event is not Event.CLOSE for act in run.acts)


def verdict(evidence: PatternEvidence) -> Verdict:
    """The pattern of one workflow."""
    apart = _apart(evidence.workflow)
    if apart is not None:
        return apart
    parts = set(_parts(evidence))
    if "prerun" in parts and parts & {"parse_workspace", "build_deploy_python_executable"}:
        reason = "prerun chooses between PEX files and images, and the configuration is read then"
        return Verdict(shape=Shape.TEMPLATE, reason=reason)
    deploying = [each for each in evidence.acts if each.does in DEPLOYING]
    if not deploying:
        return _without_deploys(evidence, parts)
    return (
        _chosen_while_running(evidence, parts)
        or _matrix(evidence)
        or _one_location(evidence)
        or Verdict(
            shape=Shape.EVERYTHING,
            reason=f"its build steps are written in it, and {deploying[0].tool} deploys",
        )
    )


def repository_verdict(verdicts: Iterable[Verdict]) -> Verdict:
    """The pattern of a repository, from those of its workflows."""
    shapes = [each for each in verdicts if each.shape in DEPLOYING_SHAPES]
    kinds = list(dict.fromkeys(each.shape for each in shapes))
    if not kinds:
        return Verdict(shape=Shape.NONE, reason="no workflow deploys a location")
    if len(kinds) == 1:
        number = len(shapes)
        every = "both" if number == 2 else f"all {number}"  # noqa: PLR2004
        follow = "follow none" if kinds[0] is Shape.OTHER else "follow it"
        reason = shapes[0].reason if number == 1 else f"{every} workflows that deploy {follow}"
        return Verdict(shape=kinds[0], reason=reason)
    named = ", ".join(NAMES[each].split(",")[0] for each in kinds)
    return Verdict(shape=Shape.OTHER, reason=f"its workflows have different ones: {named}")


def _apart(workflow: Workflow) -> Verdict | None:
    """Of a workflow that does not run by itself."""
    if workflow.problem is not None:
        return Verdict(shape=Shape.INVALID, reason=workflow.problem.message)
    if workflow.root is None or not workflow.root.entries:
        is_blank = not workflow.source.text.strip()
        reason = "there is nothing in it" if is_blank else "there is nothing but comments in it"
        return Verdict(shape=Shape.EMPTY, reason=reason)
    if workflow.is_only_called:
        return Verdict(shape=Shape.CALLED, reason="it runs only when another workflow calls it")
    return None


def _without_deploys(evidence: PatternEvidence, parts: set[str]) -> Verdict:
    opaque = [each for each in evidence.acts if each.does is ActKind.OPAQUE]
    retired = [each for each in opaque if "dagster-cloud-cicd-action" in each.by]
    if retired:
        return Verdict(shape=Shape.OTHER, reason=f"it deploys with {retired[0].by}")
    if includes_others(evidence.workflow):
        return Verdict(shape=Shape.OTHER, reason="it includes files of other repositories")
    if parts - {"prerun", "notify", "run", "launch_job", "get_branch_deployment"}:
        named = ", ".join(sorted(parts))
        return Verdict(
            shape=Shape.OTHER, reason=f"it calls {named}, and nothing of it deploys a location"
        )
    return Verdict(shape=Shape.NONE, reason="no step of it builds or deploys a location")


def _chosen_while_running(evidence: PatternEvidence, parts: set[str]) -> Verdict | None:
    if "parse_workspace" in parts:
        reason = (
            "parse_workspace reads the configuration, and a matrix has an entry for each location"
        )
        return Verdict(shape=Shape.ROUTED_MATRIX, reason=reason)
    depends = any(
        act.does in _HANDLING and _depends(run, act)
        for run in evidence.runs
        for act in run.acts
        if run.event is not Event.CLOSE
    )
    for does, shape, reason in (
        (ActKind.COMPARE, Shape.CHANGED, "what it builds depends on what has changed"),
        (ActKind.READ, Shape.ROUTED, "what it builds depends on the configuration that it reads"),
    ):
        found = [each for each in evidence.acts if _shows(each, does)]
        if found and depends:
            where = found[0].position.line
            return Verdict(shape=shape, reason=f"{reason} (line {where})")
    return None


def _shows(act: Act, does: ActKind) -> bool:
    """Whether an act is of that kind, or has it done by what it calls."""
    return act.does is does or (does is ActKind.COMPARE and bool(COMPARING & act.options.keys()))


def _depends(run: JobRun, act: Act) -> bool:
    """Whether it shows only when the workflow runs what an act does."""
    needed = "" if run.job.condition is None else str(run.job.condition.value)
    by_step = not act.certain and _FOUND_OUT.search(act.condition)
    by_job = not run.certain and _FOUND_OUT.search(needed)
    return bool(act.chosen.unknown or by_step or by_job)


def _matrix(evidence: PatternEvidence) -> Verdict | None:
    for run in evidence.runs:
        deploys = any(act.does in _HANDLING for act in run.acts)
        if run.event is Event.CLOSE or not deploys or run.job.matrix is None:
            continue
        names = {name for act in run.acts for name in act.chosen.names}
        unknown = any(act.chosen.unknown for act in run.acts)
        values = list(_leaves(run.matrix))
        is_dynamic = not run.matrix or any(isinstance(each, UnknownValue) for each in values)
        if names & {each for each in values if isinstance(each, str)} or (is_dynamic and unknown):
            reason = f"the matrix of job {run.job.name!r} has an entry for each location"
            return Verdict(shape=Shape.MATRIX, reason=reason)
    return None


def _one_location(evidence: PatternEvidence) -> Verdict | None:
    names: set[str] = set()
    explicit = False
    for session in evidence.sessions:
        if session.run.event is Event.CLOSE:
            continue
        acts = [each for each in (session.begin, *session.acts) if each is not None]
        named = {name for each in acts for name in each.chosen.names}
        explicit = explicit or bool(named)
        if any(each.chosen.unknown for each in acts):
            return None
        whole = not session.begin or session.begin.chosen.everything
        names |= named or set()
        if whole and not (named and session.begin is None):
            names |= {each.name.value for each in session.universe}
    filtered = any(each.paths and not each.paths.ignores for each in evidence.workflow.triggers)
    if len(names) == 1 and (evidence.locations > 1 or (filtered and explicit)):
        return Verdict(shape=Shape.PER_LOCATION, reason=f"it deploys {next(iter(names))} only")
    return None


def _parts(evidence: PatternEvidence) -> Iterator[str]:
    """The parts of the official action that its steps name, whether or not they run."""
    workflows = {id(run.workflow): run.workflow for run in evidence.runs}
    for workflow in (evidence.workflow, *workflows.values()):
        for job in workflow.jobs:
            for step in job.steps:
                found = step.uses and step.uses.text and reference(step.uses.text)
                if found and found.part and not _is_given_command(step, found.part):
                    yield found.part.rpartition("/")[2]


def _is_given_command(step: Step, part: str) -> bool:
    """Whether a part runs a command that is written, so that it is known what it does."""
    command = step.input("command")
    text = "" if command is None else (command.text or "")
    return part in CLI_PARTS and bool(text) and "$" not in text


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for each in value.values():
            yield from _leaves(each)
    elif isinstance(value, list):
        for each in value:
            yield from _leaves(each)
    else:
        yield value
