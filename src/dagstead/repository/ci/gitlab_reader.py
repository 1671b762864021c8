"""The jobs of a pipeline of GitLab, in the form of jobs of a workflow."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dagstead.model.nodes import Node
from dagstead.repository.ci.model import Event, Job, Step

#: Keys at the top of a pipeline that are no jobs.
_NO_JOBS = frozenset(
    {"after_script", "before_script", "cache", "default", "image", "include", "pages", "services"}
    | {"spec", "stages", "types", "variables", "workflow"}
)
_MOST_PARENTS = 10
#: Conditions of pipelines that no push to a branch starts.
_OTHER_SOURCES = re.compile(r"CI_COMMIT_TAG|[\"'](?:schedule|web|trigger|api|pipeline|chat)[\"']")


def gitlab_jobs(root: Node) -> tuple[Job, ...]:
    """The jobs; those with a dot in front are templates of others."""
    return tuple(
        _job(root, each.key.text, each.value)
        for each in root.entries
        if each.key.text
        and not each.key.text.startswith(".")
        and each.key.text not in _NO_JOBS
        and each.value.is_mapping
    )


def _job(root: Node, name: str, node: Node) -> Job:
    before = inherited(root, node, "before_script") or root.get("default", "before_script")
    before = before or root.get("before_script")
    parts = (before, inherited(root, node, "script"))
    return Job(
        name=name,
        node=node,
        steps=tuple(Step(node=each, run=each) for part in parts for each in _lines(part)),
        needs=(),
        env=inherited(root, node, "variables"),
        events=frozenset(_events(root, node)),
        one_shell=True,
    )


def inherited(root: Node, node: Node, key: str, depth: int = 0) -> Node | None:
    """The value of a key, of the job itself or of what it extends."""
    own = node.get(key)
    parents = node.get("extends")
    if own is not None or parents is None or depth > _MOST_PARENTS:
        return own
    for each in reversed(parents.items or (parents,)):
        parent = root.get(each.text or "")
        found = None if parent is None else inherited(root, parent, key, depth + 1)
        if found is not None:
            return found
    return None


def _lines(node: Node | None) -> Iterator[Node]:
    if node is None:
        return
    if node.text is not None:
        yield node
    for each in node.items:
        # A list in the list is what `!reference` and anchors leave.
        yield from _lines(each)


def _events(root: Node, node: Node) -> Iterator[Event]:
    environment = inherited(root, node, "environment")
    action = None if environment is None else environment.get("action")
    if action is not None and action.text == "stop":
        yield Event.CLOSE
        return
    rules = inherited(root, node, "rules") or inherited(root, node, "only")
    pipelines = _events_of_pipelines(root.get("workflow", "rules"))
    if rules is None:
        yield from pipelines or (Event.PUSH,)
        return
    written = " ".join(str(each.text or "") for each in rules.walk())
    is_change = "merge_request" in written
    if is_change and (not pipelines or Event.CHANGE in pipelines):
        yield Event.CHANGE
    is_push = not is_change or "CI_COMMIT_BRANCH" in written or "branches" in written
    if is_push and (not pipelines or Event.PUSH in pipelines):
        yield Event.PUSH


def _events_of_pipelines(rules: Node | None) -> frozenset[Event]:
    """What the rules of the whole pipeline let it run for; empty where there are none."""
    found: set[Event] = set()
    for rule in () if rules is None else rules.items:
        when, condition = rule.get("when"), rule.get("if")
        if when is not None and when.text == "never":
            continue
        written = "" if condition is None else (condition.text or "")
        if "merge_request" in written:
            found.add(Event.CHANGE)
        elif condition is None:
            found |= {Event.CHANGE, Event.PUSH}
        elif not _OTHER_SOURCES.search(written):
            found.add(Event.PUSH)
    return frozenset(found)
