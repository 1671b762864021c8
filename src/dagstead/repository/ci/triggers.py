"""What starts a workflow: ``on:``, which YAML 1.1 reads as the key ``true``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dagstead.model.nodes import Entry, Node
from dagstead.repository.ci.globs import selects
from dagstead.repository.ci.model import Event, PathFilter, Trigger, Workflow
from dagstead.repository.ci.provider import Provider

_PATTERN = re.compile(r"[*?+\[\]!]")
_USUAL_TYPES = ("opened", "synchronize", "reopened")
_PULL_REQUEST = ("pull_request", "pull_request_target")


def triggers_node(root: Node) -> Node | None:
    """The value of ``on:``."""
    for entry in reversed(root.entries):
        if entry.key.value == "on" or entry.key.value is True:
            return entry.value
    return None


def triggers_of(root: Node) -> tuple[Trigger, ...]:
    """The triggers, in the order of the file."""
    node = triggers_node(root)
    if node is None:
        return ()
    if node.text:
        return (Trigger(name=node.text, node=node),)
    named = [Trigger(name=each.text, node=each) for each in node.items if each.text]
    return (*named, *(_trigger(each) for each in node.entries if each.key.text))


def events_of(workflow: Workflow) -> Iterator[Event]:
    """What a workflow of GitHub runs for; on GitLab, each job says so."""
    if workflow.provider is Provider.GITLAB:
        yield from (Event.PUSH, Event.CHANGE, Event.CLOSE)
        return
    if workflow.trigger("push"):
        yield Event.PUSH
    changes = [each for name in _PULL_REQUEST if (each := workflow.trigger(name))]
    types = {kind for each in changes for kind in each.types or _USUAL_TYPES}
    if types & set(_USUAL_TYPES) or types - {"closed"}:
        yield Event.CHANGE
    if "closed" in types:
        yield Event.CLOSE
    if any(each.name not in {"push", *_PULL_REQUEST} for each in workflow.triggers):
        yield Event.OTHER


def event_name(workflow: Workflow, event: Event) -> str | None:
    """GitHub's name of an event, ``None`` where it may be one of several."""
    names = {each.name for each in workflow.triggers}
    match event:
        case Event.PUSH:
            return "push"
        case Event.CHANGE | Event.CLOSE:
            found = names.intersection(_PULL_REQUEST) or {_PULL_REQUEST[0]}
        case _:
            found = names.difference(_PULL_REQUEST, ("push",))
    # A workflow that is called runs for the event of its caller.
    return found.pop() if len(found) == 1 and "workflow_call" not in found else None


def trigger_for(workflow: Workflow, event: Event) -> Trigger | None:
    """The trigger of an event."""
    if event is Event.PUSH:
        return workflow.trigger("push")
    if event is Event.OTHER:
        return None
    return workflow.trigger("pull_request") or workflow.trigger("pull_request_target")


def only_branch(workflow: Workflow, event: Event) -> str | None:
    """The branch whose pushes start a workflow, when it is one and no pattern."""
    trigger = workflow.trigger("push") if event is Event.PUSH else None
    if trigger is None or trigger.tags or len(trigger.branches or ()) != 1:
        return None
    (branch,) = trigger.branches or ("",)
    return None if _PATTERN.search(branch) else branch


def starts_on(path_filter: PathFilter, path: str) -> bool:
    """Whether a change of this file alone starts a workflow."""
    patterns = [each.text or "" for each in path_filter.patterns]
    return selects(patterns, path) != path_filter.ignores


def described(workflow: Workflow) -> Iterator[str]:
    """The triggers for people."""
    if workflow.provider is Provider.GITLAB:
        yield "the rules of each job"
    for each in workflow.triggers:
        parts = [each.name.replace("_", " ")]
        if each.branches:
            parts.append(f"to {', '.join(each.branches)}")
        if each.types:
            parts.append(f"({', '.join(each.types)})")
        if each.paths:
            verb = "but not of" if each.paths.ignores else "of"
            parts.append(f"{verb} {', '.join(item.text or '' for item in each.paths.patterns)}")
        yield " ".join(parts)


def _trigger(entry: Entry) -> Trigger:
    value = entry.value
    return Trigger(
        name=entry.key.text or "",
        node=entry.key,
        types=_texts(value.get("types")),
        branches=_texts(value.get("branches")),
        branches_ignored=_texts(value.get("branches-ignore")),
        tags=_texts(value.get("tags")),
        paths=_paths(value),
    )


def _paths(value: Node) -> PathFilter | None:
    for key in ("paths", "paths-ignore"):
        node = value.get(key)
        if node is not None and not node.is_null:
            items = node.items or ((node,) if node.text else ())
            patterns = tuple(each for each in items if each.text)
            return PathFilter(patterns=patterns, ignores=key != "paths", node=node)
    return None


def _texts(node: Node | None) -> tuple[str, ...] | None:
    if node is None or node.is_null:
        return None
    items = node.items or (node,)
    return tuple(str(each.value) for each in items if each.value is not None)
