"""What cancels deploys of pushes, and which of them no later run makes up for."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from dagstead.model.nodes import Node
from dagstead.repository.ci import expressions
from dagstead.repository.ci.acts import DEPLOYING, Act, ActKind
from dagstead.repository.ci.expressions import UNKNOWN, UnknownValue
from dagstead.repository.ci.inspection import InspectedWorkflow, Inspection
from dagstead.repository.ci.job_runs import JobRun
from dagstead.repository.ci.model import Event, Job, Workflow
from dagstead.repository.ci.provider import Provider
from dagstead.repository.ci.scopes import Scope
from dagstead.repository.ci.scripts_read import SINCE_LAST_PUSH
from dagstead.repository.rules.base import Severity
from dagstead.repository.rules.workflows.interruptions import interrupted
from dagstead.repository.rules.workflows.visit import deploying_workflows

#: What decides, where only the run shows it.
UNKNOWN_CHOICE: Final = "unknown"
#: What an expression sees when commits are pushed.
_ON_PUSH = Scope(event=Event.PUSH, env={})
#: A group of one run cancels nothing.
_ONE_RUN = re.compile(r"github\.(?:sha|run_id|run_number)\b")
_OF_BRANCH = re.compile(r"github\.(?:ref|ref_name|head_ref)\b")
_MAY_DEPLOY = DEPLOYING | {ActKind.BEGIN, ActKind.OPAQUE}
_PATTERN = re.compile(r"[*?+\[!]")
_ONLY_REQUESTS = "Write cancel-in-progress: ${{ github.event_name == 'pull_request' }}"
_OWN_GROUPS = "Give each of them a group of its own"
_COMPARISON = "a comparison of commits decides what the next one deploys"


@dataclass(frozen=True, slots=True)
class Cancellation:
    """A setting that cancels deploys of pushes."""

    flag: Node
    #: Why no later run makes up for it; ``None`` where one does.
    lost: str | None
    #: What to write instead.
    instead: str
    #: ``None`` where it certainly loses deploys.
    severity: Severity | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class _Member:
    """What one setting of `concurrency` holds together in one run of a workflow."""

    group: str
    #: Whether it cancels what is in progress in its group.
    flag: Node | None
    inspected: InspectedWorkflow
    #: The job that the setting stands in, ``None`` for one of a workflow.
    job: Job | None
    runs: list[JobRun] = field(default_factory=list)


def cancelled(inspection: Inspection) -> Iterator[Cancellation]:
    """What cancels deploys of pushes, whether that loses them or not."""
    for each in deploying_workflows(inspection):
        if each.workflow.provider is Provider.GITLAB:
            for flag, lost in interrupted(each):
                yield Cancellation(flag, lost, "Write interruptible: false")
        elif each.workflow.trigger("push") is not None:
            comparison = _comparison(each)
            for flag in _cancelling(each):
                yield Cancellation(flag, comparison, _ONLY_REQUESTS)
    yield from _of_shared_groups(inspection)


def is_since_last_push(act: Act) -> bool:
    """Whether a comparison is with the push or the commit before."""
    if act.reference is not None:
        return not (act.options.get("base") or act.options.get("base_sha"))
    return SINCE_LAST_PUSH.search(act.by) is not None


def _comparison(each: InspectedWorkflow) -> str | None:
    if any(act.does is ActKind.COMPARE for _, act in each.acts(Event.PUSH)):
        return _COMPARISON
    return UNKNOWN_CHOICE if _chooses(each) else None


def _chooses(each: InspectedWorkflow) -> bool:
    """Whether it chooses its locations while it runs."""
    sessions = (one for one in each.sessions if one.run.event is Event.PUSH)
    begun = (act for one in sessions for act in (one.begin, *one.acts) if act is not None)
    return any(act.chosen.unknown for act in begun)


def _cancelling(each: InspectedWorkflow) -> Iterator[Node]:
    for member in _members(each):
        if member.flag is not None and any(map(_deploys, member.runs)):
            yield member.flag


def _deploys(run: JobRun) -> bool:
    """Whether it deploys, or may do so where nobody sees it from here."""
    return any(act.does in _MAY_DEPLOY for act in run.acts)


def _of_shared_groups(inspection: Inspection) -> Iterator[Cancellation]:
    groups: dict[str, list[_Member]] = defaultdict(list)
    for each in inspection.workflows:
        if each.workflow.trigger("push") is not None:
            for member in _members(each):
                groups[member.group].append(member)
    shared = {group: members for group, members in groups.items() if len(members) > 1}
    names = _deployed(inspection) if shared else {}
    # Entries of a matrix have one setting.
    found: dict[int, Cancellation] = {}
    for members in shared.values():
        for member in members:
            flag = member.flag
            lost = None if flag is None else next(_losing(member, members, names), None)
            if flag is not None and lost is not None:
                # What deploys nothing may be cancelled itself, which leaves the deploy.
                deploys = any(names.get(id(run)) for run in _pushed(member.inspected))
                severity = None if deploys else Severity.WARNING
                found.setdefault(id(flag), Cancellation(flag, lost, _OWN_GROUPS, severity))
    yield from found.values()


def _losing(
    member: _Member, members: Sequence[_Member], names: Mapping[int, set[str]]
) -> Iterator[str]:
    """The other members of the group whose deploys this one cancels for good."""
    for other in members:
        if other is member or not _meet(member, other):
            continue
        is_same = other.inspected is member.inspected
        made_up = _names(member.runs if is_same else _pushed(member.inspected), names)
        lost = _names(other.runs, names) - made_up
        if lost:
            yield f"{_shown(other)} is in the same group, and deploys {', '.join(sorted(lost))}"


def _names(runs: Sequence[JobRun], names: Mapping[int, set[str]]) -> set[str]:
    return set().union(*(names.get(id(run), set()) for run in runs))


def _meet(member: _Member, other: _Member) -> bool:
    """Whether two members can be in progress at one time."""
    if member.inspected is other.inspected:
        return not (_waits(member, other) or _waits(other, member))
    one, two = (each.inspected.workflow.trigger("push") for each in (member, other))
    branches = [() if each is None else each.branches or () for each in (one, two)]
    are_literal = all(each and not any(map(_PATTERN.search, each)) for each in branches)
    is_apart = are_literal and not set(branches[0]) & set(branches[1])
    return not (is_apart and _OF_BRANCH.search(member.group))


def _waits(member: _Member, other: _Member) -> bool:
    """Whether the job of a member runs behind that of another one, in the same run."""
    if member.job is None or other.job is None:
        return True
    jobs = {each.name: each for each in member.inspected.workflow.jobs}
    waiting, seen = list(member.job.needs), set[str]()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += jobs[name].needs if name in jobs else ()
    return other.job.name in seen


def _shown(member: _Member) -> str:
    job = "" if member.job is None else f"job {member.job.name} of "
    return f"{job}{member.inspected.workflow.path}"


def _deployed(inspection: Inspection) -> Mapping[int, set[str]]:
    """The names of the locations that runs of jobs certainly deploy, by the run's identity."""
    found: dict[int, set[str]] = defaultdict(set)
    for name, deployers in inspection.deployers.items():
        for each in deployers:
            if each.deploys:
                found[id(each.session.run)].add(name)
    return found


def _pushed(each: InspectedWorkflow) -> list[JobRun]:
    return [run for run in each.runs if run.event is Event.PUSH]


def _members(each: InspectedWorkflow) -> Iterator[_Member]:
    """The settings of a workflow, of what it calls, and of its jobs, with what they hold."""
    if each.workflow.provider is not Provider.GITHUB:
        return
    found: dict[tuple[int, str], _Member] = {}
    for index, run in enumerate(_pushed(each)):
        # Entries of a matrix are in one group, or in groups of their own.
        for holder, job, apart in _holders(each.workflow, run, index):
            group = None if holder is None else _group(holder, each.workflow, run)
            if holder is None or group is None or _ONE_RUN.search(group):
                continue
            flag = holder.get("concurrency", "cancel-in-progress")
            member = _Member(
                group=group,
                flag=flag if flag is not None and _ON_PUSH.condition(flag) else None,
                inspected=each,
                job=job,
            )
            found.setdefault((id(holder), apart), member).runs.append(run)
    yield from found.values()


def _holders(
    workflow: Workflow, run: JobRun, index: int
) -> Iterator[tuple[Node | None, Job | None, str]]:
    """Where `concurrency` may stand for a run, the job if it does there, and what sets it apart."""
    yield workflow.root, None, ""
    outermost = run.callers[0] if run.callers else run.job
    for caller in run.callers:
        yield caller.node, outermost, repr(sorted(run.inputs.items(), key=str))
    if run.workflow is not workflow:
        yield run.workflow.root, outermost, repr(sorted(run.inputs.items(), key=str))
    yield run.job.node, outermost, str(index)


def _group(holder: Node, workflow: Workflow, run: JobRun) -> str | None:
    """The group of a holder, with what is known filled in; ``None`` where it has none."""
    written = holder.get("concurrency", "group")
    if written is None or written.text is None:
        return None
    known: Mapping[tuple[str, ...], Any] = {
        ("github", "workflow"): workflow.name or workflow.path,
        ("github", "job"): run.job.name,
    }
    scope = Scope(event=Event.PUSH, env={}, matrix=run.matrix, inputs=run.inputs)

    def lookup(path: tuple[str, ...]) -> Any:
        found = known.get(path, UNKNOWN)
        return scope.lookup(path) if isinstance(found, UnknownValue) else found

    def filled(expression: re.Match[str]) -> str:
        value = expressions.evaluate(expression[1], lookup)
        if not isinstance(value, UnknownValue):
            return expressions.as_text(value)
        is_own = re.search(r"\b(?:inputs|matrix|needs)\b", expression[1])
        # What nobody knows here may differ between workflows.
        return f"{expression[0]} of {workflow.path}" if is_own else expression[0]

    return expressions.EXPRESSION.sub(filled, written.text)
