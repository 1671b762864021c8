"""Jobs of GitLab that a newer pipeline cancels."""

from __future__ import annotations

from collections.abc import Iterator

from dagstead.model.nodes import Node
from dagstead.repository.ci.acts import DEPLOYING, ActKind
from dagstead.repository.ci.gitlab_reader import inherited
from dagstead.repository.ci.inspection import InspectedWorkflow
from dagstead.repository.ci.job_runs import JobRun
from dagstead.repository.ci.model import Event
from dagstead.repository.ci.provider import FILE


def interrupted(each: InspectedWorkflow) -> Iterator[tuple[Node, str | None]]:
    """What lets a newer pipeline cancel a deploy, and what leaves it out of that one."""
    root = each.workflow.root
    cancels = None if root is None else root.get("workflow", "auto_cancel", "on_new_commit")
    if root is None or (cancels is not None and cancels.text == "none"):
        return
    for run in each.runs:
        if run.event is Event.PUSH and any(act.does in DEPLOYING for act in run.acts):
            flag = inherited(root, run.job.node, "interruptible")
            flag = flag or root.get("default", "interruptible")
            if flag is not None and flag.value is True:
                yield flag, _reason(root, run)


def is_gitlab(flag: Node) -> bool:
    """Whether a setting is one of a pipeline of GitLab."""
    return flag.source.file.rpartition("/")[2] == FILE


def _reason(root: Node, run: JobRun) -> str | None:
    for key in ("rules", "only"):
        rules = inherited(root, run.job.node, key)
        parts = () if rules is None else (rules, *rules.items)
        if any(each.get("changes") is not None for each in parts):
            return "the rule 'changes'"
    compares = any(act.does is ActKind.COMPARE for act in run.acts)
    return "a comparison of commits" if compares else None
