"""DW10x: files that CI cannot run."""

from __future__ import annotations

from collections.abc import Iterator

from dagstead.repository.ci.calls import local_calls
from dagstead.repository.ci.inspection import Inspection
from dagstead.repository.ci.model import Workflow
from dagstead.repository.ci.provider import Provider
from dagstead.repository.rules.base import Severity, Violation, workflow_rule
from dagstead.repository.rules.workflows.examples import (
    ETL,
    SERVERLESS,
    WORKFLOW,
    locations,
    workflow,
)

_GOOD = {**locations(ETL), WORKFLOW: workflow(*SERVERLESS)}


@workflow_rule(
    "DW101",
    "unreadable-workflow",
    reason="""
        CI runs a workflow only when all of it can be read. What stands in it is not deployed.
        """,
    bad={WORKFLOW: "on: push\njobs:\n  deploy:\n  - steps: [\n"},
    good=_GOOD,
)
def unreadable_workflow(inspection: Inspection) -> Iterator[Violation]:
    """A workflow is well-formed."""
    for each in inspection.files.workflows:
        if each.problem is not None:
            yield Violation(
                position=each.source.position(each.problem.start, each.problem.end),
                message=f"this workflow cannot be read: {each.problem.message}",
                instead="Put it right; CI does not run it as it is",
            )


@workflow_rule(
    "DW102",
    "empty-workflow",
    severity=Severity.WARNING,
    reason="""
        A file in which everything is a comment looks like a workflow in the list of files, and
        does nothing. CI reports it as broken.
        """,
    bad={WORKFLOW: "# on: push\n# jobs:\n"},
    good=_GOOD,
)
def empty_workflow(inspection: Inspection) -> Iterator[Violation]:
    """A workflow has something to run."""
    for each in inspection.files.workflows:
        if each.problem is None and not _has_something(each):
            what = "has nothing but comments" if each.root is None else "has no jobs"
            yield Violation(
                position=each.start,
                message=f"this workflow {what if each.source.text.strip() else 'is empty'}",
                instead="Delete the file, or write its jobs",
            )


@workflow_rule(
    "DW103",
    "missing-called-file",
    reason="""
        A workflow that calls a file which does not exist is refused when it starts: nothing of it
        runs.
        """,
    bad={
        WORKFLOW: "on: push\njobs:\n  deploy:\n    uses: ./.github/workflows/shared.yml\n",
    },
    good={
        WORKFLOW: "on: push\njobs:\n  deploy:\n    uses: ./.github/workflows/shared.yml\n",
        ".github/workflows/shared.yml": workflow("run: make test", on="  workflow_call:\n"),
    },
)
def missing_called_file(inspection: Inspection) -> Iterator[Violation]:
    """A workflow or action of the repository that is called exists."""
    for each in inspection.files.workflows:
        for node in local_calls(each):
            path = (node.text or "").removeprefix("./").rstrip("/")
            known = inspection.files.workflow(path) or path in inspection.files.actions
            # A checkout of another repository can have it.
            known = known or path.partition("/")[0] in _checkouts(each)
            if not known and not (inspection.project.repository / path).exists():
                yield Violation(
                    position=node.position,
                    message=f"{path} does not exist",
                    instead="Name a file of this repository, relative to its root",
                )


def _has_something(each: Workflow) -> bool:
    if each.root is None:
        return False
    return bool(each.jobs) or (each.provider is Provider.GITLAB and bool(each.root.entries))


def _checkouts(each: Workflow) -> set[str]:
    """The folders that steps put repositories into."""
    paths = (step.input("path") for job in each.jobs for step in job.steps)
    texts = (node.text or "" for node in paths if node is not None)
    return {text.removeprefix("./").strip("/") for text in texts}
