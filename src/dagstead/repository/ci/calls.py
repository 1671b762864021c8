"""What a workflow calls of its own repository."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from dagstead.model.nodes import Node
from dagstead.repository.ci.model import Workflow
from dagstead.repository.ci.provider import Provider

_HERE = "./"


def local_calls(workflow: Workflow) -> Iterator[Node]:
    """The workflows and actions of the repository that it names, as ``./PATH``."""
    for job in workflow.jobs:
        for node in (job.uses, *(step.uses for step in job.steps)):
            if node is not None and (node.text or "").startswith(_HERE):
                yield node


def local_files(workflow: Workflow) -> Iterator[tuple[str, str]]:
    """The same and what a pipeline includes: as it is written, and relative to the repository."""
    for node in (*local_calls(workflow), *_included(workflow)):
        written = (node.text or "").removeprefix(_HERE).removeprefix("/")
        yield written, posixpath.normpath(written)


def _included(workflow: Workflow) -> Iterator[Node]:
    root = workflow.root
    given = (
        None if root is None or workflow.provider is not Provider.GITLAB else root.get("include")
    )
    for each in () if given is None else (given.items or (given,)):
        local = each if each.text else each.get("local")
        if local is not None and local.text and "://" not in local.text:
            yield local
