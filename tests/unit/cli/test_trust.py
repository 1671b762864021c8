"""``dagstead trust`` and ``dagstead login`` as a person meets them."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from dagstead.store.database import Database
from tests.unit.cli.conftest import Command

GITHUB = ("trust", "add", "--issuer", "github", "--repository", "org/repo")


@pytest.fixture(name="plane")
def _plane(dagstead: Command, tmp_path: Path) -> Command:
    (tmp_path / "data").mkdir()
    database = Database(f"sqlite:///{tmp_path / 'data' / 'dagstead.db'}")
    database.migrate()
    database.close()
    dagstead("deployment", "create", "prod")
    return dagstead


def test_a_policy_is_added_listed_and_removed(plane: Command) -> None:
    added = plane(*GITHUB, "--branch", "main", "--deployment", "prod", "--location", "weather")
    listed = json.loads(plane("trust", "list", "--format", "json").out)
    removed = plane("trust", "remove", "1")

    assert added.out == (
        "Policy 1: jobs of https://token.actions.githubusercontent.com with "
        "ref=refs/heads/main, repository=org/repo\n"
        "get a token of 15 minutes for prod, only to deploy weather, in the role editor.\n"
    )
    assert [each["claims"] for each in listed] == ["ref=refs/heads/main, repository=org/repo"]
    assert listed[0]["grants"] == "prod, only to deploy weather"
    assert listed[0]["last_used"] is None
    assert removed.out == "Removed policy 1.\n"
    assert "There are no trust policies." in plane("trust", "list").err + plane("trust", "list").out
    again = plane("trust", "remove", "1")
    assert (again.code, again.err) == (
        2,
        "error: There is no trust policy 1. See `dagstead trust list`.\n",
    )


@pytest.mark.parametrize(
    ("arguments", "is_noted"),
    [
        (("--any-ref", "--deployment", "prod", "--branch-deployments"), True),
        (("--any-ref", "--deployment", "prod"), True),
        (("--any-ref", "--branch-deployments"), False),
        (("--branch", "main", "--deployment", "prod", "--branch-deployments"), False),
        (("--any-ref", "--claim", "event_name=push", "--deployment", "prod"), False),
    ],
)
def test_a_policy_that_gives_a_full_deployment_to_pull_requests_is_noted(
    plane: Command, arguments: tuple[str, ...], *, is_noted: bool
) -> None:
    added = plane(*GITHUB, *arguments)
    assert added.code == 0
    assert ("note: pull requests fit this policy too" in added.err) is is_noted


@pytest.mark.parametrize(
    ("event", "is_noted"), [("workflow_run", True), ("pull_request_target", True), ("push", False)]
)
def test_a_policy_for_what_outsiders_start_is_noted(
    plane: Command, event: str, *, is_noted: bool
) -> None:
    claim = ("--claim", f"event_name={event}")
    added = plane(*GITHUB, "--branch", "main", "--deployment", "prod", *claim)
    assert (f"note: anybody can start jobs of {event}" in added.err) is is_noted


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((*GITHUB, "--deployment", "prod"), "Which jobs of the repository?"),
        ((*GITHUB, "--branch", "main"), "This would grant nothing."),
        ((*GITHUB, "--branch", "main", "--deployment", "nowhere"), "'nowhere'"),
        (
            (*GITHUB, "--branch", "main", "--deployment", "prod", "--minutes", "600"),
            "1 to 120 minutes",
        ),
        (
            (*GITHUB, "--any-ref", "--deployment", "prod", "--claim", "x"),
            "is not of the form NAME=VALUE",
        ),
        (
            (*GITHUB, "--any-ref", "--deployment", "prod", "--provider", "gitlab"),
            "contradict each other",
        ),
        (
            (*GITHUB[:3], "https://gitlab.example.com", *GITHUB[4:], "--any-ref"),
            "Say --provider github or --provider gitlab.",
        ),
        (
            (*GITHUB[:3], "http://127.0.0.1:8000", *GITHUB[4:], "--any-ref"),
            "cannot be an issuer",
        ),
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused(
    plane: Command, arguments: tuple[str, ...], says: str
) -> None:
    refused = plane(*arguments)

    assert refused.code == 2
    assert says in refused.err
    assert refused.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ((), 2, "use --github or --gitlab"),
        (("--github", "--gitlab"), 2, "contradict each other"),
        (("--github",), 2, "permissions: {id-token: write, contents: read}"),
        (("--gitlab",), 2, "id_tokens: {DAGSTEAD_ID_TOKEN: {aud: https://d.example.com}}"),
        (("--gitlab", "--token-variable", "MINE"), 2, "MINE is not set."),
        (("--github", "--url", "d.example.com"), 2, "is not the address of a control plane"),
    ],
)
def test_a_login_that_cannot_work_says_what_to_set(
    dagstead: Command,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    code: int,
    says: str,
) -> None:
    for name in ("GITHUB_ACTIONS", "GITLAB_CI", "ACTIONS_ID_TOKEN_REQUEST_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DAGSTER_CLOUD_URL", "https://d.example.com")
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    refused = dagstead("login", *arguments)

    assert refused.code == code
    assert says in refused.err
    assert refused.out == ""
