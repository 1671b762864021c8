"""Jobs of GitLab that a newer pipeline cancels."""

from __future__ import annotations

from collections.abc import Iterator

from dagstead.model.nodes import Node
from dagstead.repository.ci.acts import DEPLOYING, ActKind
from dagstead.repository.ci.gitlab_reader import inherited
from dagstead.repository.ci.inspection import InspectedWorkflow
from dagstead.repository.ci.job_runs import JobRun
from dagstead.repository.ci.model import Event, Job


def interrupted(each: InspectedWorkflow) -> Iterator[tuple[Node, str | None]]:
    """What lets a newer pipeline cancel a deploy, and why that one does not make up for it."""
    root = each.workflow.root
    cancels = None if root is None else root.get("workflow", "auto_cancel", "on_new_commit")
    if root is None or (cancels is not None and cancels.text == "none"):
        return
    for run in each.runs:
        if run.event is Event.PUSH and any(act.does in DEPLOYING for act in run.acts):
            flag = _interruptible(root, run.job)
            if flag is not None and flag.value is True:
                yield flag, _reason(each, root, run)


def _reason(each: InspectedWorkflow, root: Node, run: JobRun) -> str | None:
    changes = _changes(root, run.job)
    if changes is not None and any(_may_cancel(root, changes, job) for job in _pushed(each)):
        return "the rule 'changes' decides what the next one deploys"
    compares = any(act.does is ActKind.COMPARE for act in run.acts)
    return "a comparison of commits decides what the next one deploys" if compares else None


def _pushed(each: InspectedWorkflow) -> Iterator[Job]:
    return (run.job for run in each.runs if run.event is Event.PUSH)


def _may_cancel(root: Node, changes: str, job: Job) -> bool:
    """Whether a job starts a pipeline that another job is left out of, and cancels that job.

    Where a pipeline is cancelled as a whole, a job that must not be interrupted keeps it.
    """
    other = _changes(root, job)
    flag = _interruptible(root, job)
    is_kept = other is None and (flag is None or flag.value is not True)
    return other != changes and (not is_kept or _cancels_jobs(root))


def _cancels_jobs(root: Node) -> bool:
    """Whether a newer pipeline cancels jobs one by one, and not the pipeline as a whole."""
    mode = root.get("workflow", "auto_cancel", "on_new_commit")
    return mode is not None and mode.text == "interruptible"


def _interruptible(root: Node, job: Job) -> Node | None:
    return inherited(root, job.node, "interruptible") or root.get("default", "interruptible")


def _changes(root: Node, job: Job) -> str | None:
    """The changes that a job runs for; ``None`` for a job that they do not matter to."""
    for key in ("rules", "only"):
        rules = inherited(root, job.node, key)
        parts = () if rules is None else (rules, *rules.items)
        found = [part.get("changes") for part in parts]
        known = [str(node.plain()) for node in found if node is not None]
        if known:
            return " ".join(sorted(known))
    return None
