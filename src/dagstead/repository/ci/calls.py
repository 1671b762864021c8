"""What a workflow calls of its own repository."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from dagstead.model.nodes import Node
from dagstead.repository.ci.gitlab_includes import included_files
from dagstead.repository.ci.model import Workflow
from dagstead.repository.ci.provider import Provider

_HERE = "./"


def local_calls(workflow: Workflow) -> Iterator[Node]:
    """The workflows and actions of the repository that it names, as ``./PATH``."""
    for job in workflow.jobs:
        for node in (job.uses, *(step.uses for step in job.steps)):
            if node is not None and (node.text or "").startswith(_HERE):
                yield node


def includes_others(workflow: Workflow) -> bool:
    """Whether a pipeline has parts that other repositories keep."""
    given = None if workflow.root is None else workflow.root.get("include")
    return workflow.provider is Provider.GITLAB and any(
        each.get(key) is not None or "://" in (each.text or "")
        for each in (() if given is None else (given.items or (given,)))
        for key in ("project", "remote", "component")
    )


def local_files(workflow: Workflow) -> Iterator[tuple[str, str]]:
    """The same and what a pipeline includes: as it is written, and relative to the repository."""
    root = workflow.root if workflow.provider is Provider.GITLAB else None
    for node in (*local_calls(workflow), *(() if root is None else included_files(root))):
        written = (node.text or "").removeprefix(_HERE).removeprefix("/")
        yield written, posixpath.normpath(written)
