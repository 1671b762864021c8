"""Whose branch deployment it is: by CI's variables, or by git."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from dagstead.client.branches import Branch, branch_of, deployment_of
from dagstead.client.connection import Connection, ServerAddress
from dagstead.errors import InvalidInputError, RefusedError
from tests.support.git import git


@pytest.fixture
def work(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q", "-b", "feature/x")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "Add x")
    git(tmp_path, "remote", "add", "origin", "git@github.com:acme/data.git")
    return tmp_path


def test_git_knows_the_branch_of_a_person(work: Path) -> None:
    branch = branch_of(work, {})
    assert (branch.repository, branch.name) == ("acme/data", "feature/x")
    assert (branch.commit_message, branch.author_name) == ("Add x", "Ada")
    assert branch.commit_hash == git(work, "rev-parse", "HEAD")
    assert branch.timestamp > 1_500_000_000


@pytest.mark.parametrize(
    ("remote", "repository"),
    [
        ("https://user:secret@gitlab.example.com/group/sub/data.git", "group/sub/data"),
        ("ssh://git@github.com/acme/data", "acme/data"),
    ],
)
def test_the_repository_is_named_without_host_and_secret(
    work: Path, remote: str, repository: str
) -> None:
    git(work, "remote", "set-url", "origin", remote)
    assert branch_of(work, {}).repository == repository


def test_a_pull_request_on_github_is_of_its_own_branch_and_commit(work: Path) -> None:
    head = git(work, "rev-parse", "HEAD")
    event = work / "event.json"
    pull: dict[str, Any] = {
        "number": 7,
        "state": "open",
        "html_url": "https://github.com/acme/data/pull/7",
        "head": {"ref": "fix", "sha": head},
    }
    event.write_text(json.dumps({"pull_request": pull}), encoding="utf-8")
    variables = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_REPOSITORY": "acme/data",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_SHA": "0" * 40,
        "GITHUB_EVENT_PATH": str(event),
    }
    branch = branch_of(work, variables)
    assert (branch.name, branch.commit_hash) == ("fix", head)
    assert (branch.pull_request_number, branch.pull_request_status) == ("7", "OPEN")
    assert branch.url == "https://github.com/acme/data/tree/fix"

    event.write_text(json.dumps({"pull_request": {**pull, "merged": True}}), encoding="utf-8")
    assert branch_of(work, variables).pull_request_status == "MERGED"


def test_a_merge_request_on_gitlab_is_of_its_source_branch(work: Path) -> None:
    head = git(work, "rev-parse", "HEAD")
    branch = branch_of(
        work,
        {
            "GITLAB_CI": "true",
            "CI_PROJECT_PATH": "acme/data",
            "CI_PROJECT_URL": "https://gitlab.example.com/acme/data",
            "CI_MERGE_REQUEST_IID": "9",
            "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "fix",
            "CI_COMMIT_SHA": head,
        },
    )
    assert (branch.name, branch.commit_hash, branch.pull_request_number) == ("fix", head, "9")
    assert branch.pull_request_url == "https://gitlab.example.com/acme/data/-/merge_requests/9"


def test_a_detached_head_has_no_branch(work: Path) -> None:
    git(work, "checkout", "-q", "--detach")
    with pytest.raises(InvalidInputError, match="detached HEAD"):
        branch_of(work, {})


def test_outside_of_git_there_is_no_branch(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="not in a git repository"):
        branch_of(tmp_path, {})


def _connection(answer: dict[str, Any], seen: list[dict[str, Any]]) -> Connection:
    def reply(request: httpx.Request) -> httpx.Response:
        seen.append(json.loads(request.content)["variables"])
        return httpx.Response(200, json={"data": {"result": answer}})

    return Connection(
        ServerAddress(url="http://plane.test", token="t"), transport=httpx.MockTransport(reply)
    )


def test_the_deployment_is_named_by_the_server() -> None:
    branch = Branch(repository="acme/data", name="fix", commit_hash="c0ffee", timestamp=1.0)
    seen: list[dict[str, Any]] = []
    answer = {"__typename": "DagsterCloudDeployment", "deploymentName": "abc"}
    with _connection(answer, seen) as connection:
        assert deployment_of(connection, branch, base="prod", status="CLOSED") == "abc"
    assert seen[0]["branch"]["pullRequestStatus"] == "CLOSED"
    assert seen[0]["base"] == "prod"


def test_a_refusal_has_the_servers_words() -> None:
    branch = Branch(repository="acme/data", name="fix", commit_hash="c0ffee", timestamp=1.0)
    answer = {"__typename": "PythonError", "message": "Not yours."}
    with _connection(answer, []) as connection, pytest.raises(RefusedError, match="Not yours"):
        deployment_of(connection, branch, base=None)
