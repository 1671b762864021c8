"""Which jobs of generated workflows run for which event, and what may cancel them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dagstead.repository.ci.provider import Provider
from dagstead.repository.workflows.generation import generate
from dagstead.repository.workflows.options import Options
from tests.support.workflow_runner.documents import Workflow, read_workflow
from tests.support.workflow_runner.events import REPOSITORY, pull_request_payload
from tests.support.workflow_runner.expressions import Scope
from tests.support.workflow_runner.functions import FUNCTIONS
from tests.support.workflow_runner.texts import filled, holds
from tests.unit.repository.ci.repositories import monorepo
from tests.workflows.shapes import EVERY_OPTIONS

ON_GITHUB = [each for each in EVERY_OPTIONS if each.provider is Provider.GITHUB]
MAIN = "refs/heads/main"


def context(name: str, ref: str, event: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"event_name": name, "ref": ref, "event": event or {}, "workflow": "w"}


def request(action: str, *, number: int = 1, merged: bool = False, fork: bool = False) -> Any:
    payload = pull_request_payload(
        number=number, action=action, merged=merged, head=("topic", "b" * 40), base=("main", "a")
    )
    if fork:
        head = payload["pull_request"]["head"]
        head["repo"] = {**head["repo"], "full_name": "stranger/monorepo"}
    return context("pull_request", MAIN if merged else f"refs/pull/{number}/merge", payload)


PUSH = context("push", MAIN)

RUNNING = [
    (PUSH, {"deploy"}),
    (context("workflow_dispatch", MAIN), {"deploy"}),
    (context("workflow_dispatch", "refs/heads/other"), set()),
    (request("opened"), {"deploy"}),
    (request("synchronize"), {"deploy"}),
    (request("reopened"), {"deploy"}),
    (request("closed"), {"close"}),
    (request("closed", merged=True), {"close"}),
    (request("opened", fork=True), set()),
    (request("closed", fork=True), set()),
]


def scope(github: dict[str, Any]) -> Scope:
    status = {"success": lambda: True}
    whole = {**github, "repository": REPOSITORY}
    return Scope(contexts={"github": whole}, functions={**FUNCTIONS, **status})


def workflows(options: Options, root: Path) -> list[Workflow]:
    return [read_workflow(file.text) for file in generate(monorepo(root), options)]


@pytest.mark.parametrize("options", ON_GITHUB, ids=lambda each: f"{each.pattern}-{each.tool}")
def test_a_job_runs_for_the_events_that_it_is_for(options: Options, tmp_path: Path) -> None:
    for workflow in workflows(options, tmp_path / "r"):
        for github, expected in RUNNING:
            running = {
                name for name, job in workflow.jobs.items() if holds(job.condition, scope(github))
            }
            assert running == expected, github


@pytest.mark.parametrize("options", ON_GITHUB, ids=lambda each: f"{each.pattern}-{each.tool}")
def test_only_a_newer_commit_of_a_pull_request_cancels_a_run(
    options: Options, tmp_path: Path
) -> None:
    for workflow in workflows(options, tmp_path / "r"):

        def group(github: dict[str, Any], workflow: Workflow = workflow) -> object:
            return filled(workflow.concurrency.group, scope(github))

        def cancels(github: dict[str, Any], workflow: Workflow = workflow) -> object:
            return filled(workflow.concurrency.cancel_in_progress, scope(github))

        assert not cancels(PUSH)
        assert not cancels(context("workflow_dispatch", MAIN))
        assert cancels(request("synchronize"))
        # A deploy that went on would open again what was closed.
        assert not cancels(request("closed"))
        assert group(request("closed", merged=True)) == group(request("synchronize"))
        assert group(PUSH) == group(context("workflow_dispatch", MAIN))
        groups = [PUSH, request("opened"), request("opened", number=2)]
        assert len({group(each) for each in groups}) == len(groups)
