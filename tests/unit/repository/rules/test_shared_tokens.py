"""A note about one token for pull requests and for what deploys to a full deployment."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagstead.repository.ci.inspection import inspect
from dagstead.repository.files import read_project
from dagstead.repository.rules.workflows.examples import (
    ETL,
    SERVERLESS,
    WORKFLOW,
    locations,
    workflow,
)
from dagstead.repository.rules.workflows.shared_tokens import shared_token_note
from tests.unit.cli.conftest import Command, dagstead

__all__ = ["dagstead"]

BOTH = "  push:\n    branches: [main]\n  pull_request:\n"
PUSH = "  push:\n    branches: [main]\n"
OWN = "  DAGSTER_CLOUD_URL: https://dagster.example.com\n"
PLUS = "  DAGSTER_CLOUD_URL: https://ours.dagster.cloud\n"
SECOND = ".github/workflows/pull_requests.yml"


def token(expression: str) -> str:
    return f"  DAGSTER_CLOUD_API_TOKEN: ${{{{ {expression} }}}}\n"


SHARED = token("secrets.DAGSTER_CLOUD_API_TOKEN")
CHOSEN = token("github.event_name == 'pull_request' && secrets.BRANCH_TOKEN || secrets.TOKEN")


def written(folder: Path, **files: str) -> Path:
    (folder / ".git").mkdir()
    named = {**locations(ETL), WORKFLOW: files["deploy"], SECOND: files.get("second", "")}
    for path, text in named.items():
        if text:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
    return folder


def noted(folder: Path, **files: str) -> str | None:
    return shared_token_note(inspect(read_project(written(folder, **files))))


def test_one_token_for_both_is_noted(tmp_path: Path) -> None:
    note = noted(tmp_path, deploy=workflow(*SERVERLESS, on=BOTH, head=f"env:\n{OWN}{SHARED}"))
    assert note is not None
    assert "secrets.DAGSTER_CLOUD_API_TOKEN" in note
    assert "dagstead token create --only-branch-deployments" in note


def test_one_token_in_two_workflows_is_noted(tmp_path: Path) -> None:
    assert noted(
        tmp_path,
        deploy=workflow(*SERVERLESS, on=PUSH, head=f"env:\n{OWN}{SHARED}"),
        second=workflow(*SERVERLESS, on="  pull_request:\n", head=f"env:\n{OWN}{SHARED}"),
    )


@pytest.mark.parametrize(
    ("on", "head", "job"),
    [
        (PUSH, OWN + SHARED, ""),
        ("  pull_request:\n", OWN + SHARED, ""),
        (BOTH, OWN, ""),
        (BOTH, OWN + CHOSEN, ""),
        (BOTH, PLUS + SHARED, ""),
        (BOTH, SHARED, ""),
        (BOTH, OWN + SHARED, "    environment: production\n"),
    ],
)
def test_others_are_not(tmp_path: Path, on: str, head: str, job: str) -> None:
    assert (
        noted(tmp_path, deploy=workflow(*SERVERLESS, on=on, head=f"env:\n{head}", job=job)) is None
    )


def test_two_tokens_in_two_workflows_are_not_noted(tmp_path: Path) -> None:
    other = token("secrets.BRANCH_TOKEN")
    assert not noted(
        tmp_path,
        deploy=workflow(*SERVERLESS, on=PUSH, head=f"env:\n{OWN}{SHARED}"),
        second=workflow(*SERVERLESS, on="  pull_request:\n", head=f"env:\n{OWN}{other}"),
    )


@pytest.mark.parametrize("command", [("check",), ("workflow", "inspect")])
def test_the_commands_say_so(dagstead: Command, tmp_path: Path, command: tuple[str, ...]) -> None:
    folder = tmp_path / "repository"
    folder.mkdir()
    deploy = workflow(*SERVERLESS, on=BOTH, head=f"env:\n{OWN}{SHARED}")
    shown = dagstead(*command, str(written(folder, deploy=deploy)))
    assert "note: pull requests and other deploys share the token" in shown.err
