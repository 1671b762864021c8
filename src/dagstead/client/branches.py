"""Branch deployments: which branch this is, by CI's variables or by git, and its deployment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dagstead.build.commits import ask_git, host_and_path
from dagstead.client.connection import Connection
from dagstead.errors import InvalidInputError, RefusedError

_CREATE = """
mutation ($branch: CreateOrUpdateBranchDeploymentInput!, $commit: DeploymentCommitInput!,
          $base: String) {
  result: createOrUpdateBranchDeployment(
    branchData: $branch, commit: $commit, baseDeploymentName: $base
  ) {
    __typename
    ... on DagsterCloudDeployment { deploymentName }
    ... on UnauthorizedError { message }
    ... on DeploymentNotFoundError { message }
    ... on PythonError { message }
  }
}
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Branch:
    """A branch at a commit."""

    #: ``owner/name`` where the host has such names.
    repository: str
    name: str
    commit_hash: str
    #: Of the commit, in seconds since 1970.
    timestamp: float
    commit_message: str | None = None
    author_name: str | None = None
    author_email: str | None = None
    url: str | None = None
    pull_request_url: str | None = None
    pull_request_number: str | None = None
    #: ``OPEN``, ``CLOSED`` or ``MERGED``.
    pull_request_status: str | None = None


def branch_of(folder: Path, variables: Mapping[str, str]) -> Branch:
    """The branch of a work tree: of the pull or merge request that CI runs for, else git's.

    Args:
        folder: in the work tree.
        variables: of the environment; those of GitHub Actions and GitLab CI are known.

    Raises:
        InvalidInputError: outside of git, or where no branch is checked out.
    """
    if variables.get("GITHUB_ACTIONS") == "true":
        ci = _of_github(variables)
    elif variables.get("GITLAB_CI") == "true":
        ci = _of_gitlab(variables)
    else:
        ci = {}
    commit = ci.pop("commit_hash", None) or ask_git(folder, "rev-parse", "--verify", "HEAD")
    if not commit:
        msg = (
            f"{str(folder)!r} is not in a git repository with a commit, so it has no branch. "
            "Run this in a clone."
        )
        raise InvalidInputError(msg)
    name = ci.pop("name", None) or ask_git(folder, "branch", "--show-current")
    if not name:
        msg = (
            "No branch is checked out here (a detached HEAD), so it is unknown whose deployment "
            "to make. Check the branch out, or name a full deployment with --deployment."
        )
        raise InvalidInputError(msg)
    shown = (
        ask_git(folder, "show", "--no-patch", "--format=%ct%n%an%n%ae%n%s", commit) or ""
    ).split("\n")
    timestamp, author, email, message = (*shown, "", "", "", "")[:4]
    return Branch(
        repository=ci.pop("repository", None) or _repository(folder),
        name=name,
        commit_hash=commit,
        timestamp=float(timestamp or 0),
        commit_message=message or None,
        author_name=author or None,
        author_email=email or None,
        **ci,
    )


def deployment_of(
    connection: Connection, branch: Branch, *, base: str | None, status: str | None = None
) -> str:
    """Make or renew the deployment of a branch; its name.

    Args:
        connection: to the control plane.
        branch: whose deployment.
        base: the full deployment that it belongs to.
        status: instead of the pull request's; ``CLOSED`` closes the deployment.

    Raises:
        RefusedError: with the server's sentence.
    """
    facts = {
        "repoName": branch.repository,
        "branchName": branch.name,
        "branchUrl": branch.url,
        "pullRequestUrl": branch.pull_request_url,
        "pullRequestStatus": status or branch.pull_request_status,
        "pullRequestNumber": branch.pull_request_number,
    }
    commit = {
        "commitHash": branch.commit_hash,
        "timestamp": branch.timestamp,
        "commitMessage": branch.commit_message,
        "authorName": branch.author_name,
        "authorEmail": branch.author_email,
    }
    found = connection.graphql(_CREATE, branch=facts, commit=commit, base=base)["result"]
    if found["__typename"] != "DagsterCloudDeployment":
        raise RefusedError(str(found.get("message") or found["__typename"]))
    return str(found["deploymentName"])


def _of_github(variables: Mapping[str, str]) -> dict[str, Any]:
    """The pull request of GitHub's event; its commit is not the merge commit of GITHUB_SHA."""
    found: dict[str, Any] = {"repository": variables.get("GITHUB_REPOSITORY")}
    pull = _event(variables).get("pull_request")
    if not isinstance(pull, Mapping):
        if variables.get("GITHUB_REF_TYPE") == "branch":
            found["name"] = variables.get("GITHUB_REF_NAME")
        return found
    server = variables.get("GITHUB_SERVER_URL", "")
    return {
        **found,
        "name": pull["head"]["ref"],
        "commit_hash": pull["head"]["sha"],
        "url": f"{server}/{found['repository']}/tree/{pull['head']['ref']}",
        "pull_request_url": pull.get("html_url"),
        "pull_request_number": str(pull["number"]),
        "pull_request_status": "MERGED" if pull.get("merged") else str(pull["state"]).upper(),
    }


def _of_gitlab(variables: Mapping[str, str]) -> dict[str, Any]:
    project = variables.get("CI_PROJECT_URL", "")
    found: dict[str, Any] = {"repository": variables.get("CI_PROJECT_PATH")}
    number = variables.get("CI_MERGE_REQUEST_IID")
    if number is None:
        return {**found, "name": variables.get("CI_COMMIT_BRANCH")}
    name = variables.get("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME")
    return {
        **found,
        "name": name,
        # Of a pipeline for the merged result, the commit of the branch.
        "commit_hash": variables.get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA")
        or variables.get("CI_COMMIT_SHA"),
        "url": f"{project}/-/tree/{name}",
        "pull_request_url": f"{project}/-/merge_requests/{number}",
        "pull_request_number": number,
        "pull_request_status": "OPEN",
    }


def _event(variables: Mapping[str, str]) -> Mapping[str, Any]:
    path = variables.get("GITHUB_EVENT_PATH")
    if not path:
        return {}
    try:
        event = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        msg = f"The event of GitHub cannot be read from {path!r}: {error}."
        raise InvalidInputError(msg) from error
    return event if isinstance(event, Mapping) else {}


def _repository(folder: Path) -> str:
    remote = ask_git(folder, "config", "--get", "remote.origin.url")
    found = host_and_path(remote) if remote else None
    if found is not None:
        return found[1]
    top = ask_git(folder, "rev-parse", "--show-toplevel")
    return Path(top or folder).name
