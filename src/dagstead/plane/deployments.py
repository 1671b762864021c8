"""Deployments: users create full ones, branch ones come and go with a pull request."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from dagstead.model.text import plain_line, plain_lines
from dagstead.plane.projects import Project

#: Everybody who looks for a deployment reads what is stored of all branches.
_MOST_OF_A_LINE = 2_000
_MOST_MESSAGE = 8_000


class DeploymentKind(StrEnum):
    """A full deployment stays; a branch deployment belongs to a repository's branch."""

    FULL = "full"
    BRANCH = "branch"


@dataclass(frozen=True, kw_only=True, slots=True)
class Branch:
    """Where a branch deployment comes from, as the CLI last reported it."""

    repo_name: str
    branch_name: str
    branch_url: str | None = None
    pull_request_url: str | None = None
    pull_request_status: str | None = None
    pull_request_number: str | None = None
    commit_hash: str | None = None
    commit_message: str | None = None
    commit_url: str | None = None
    author_name: str | None = None
    author_email: str | None = None
    timestamp: float | None = None

    @property
    def readable(self) -> Branch:
        """The same, without control characters in what a commit says, and at some length."""
        return replace(
            self,
            commit_message=_plain(self.commit_message, plain_lines, _MOST_MESSAGE),
            author_name=_plain(self.author_name, plain_line),
            author_email=_plain(self.author_email, plain_line),
            commit_hash=_plain(self.commit_hash, plain_line),
            commit_url=_plain(self.commit_url, plain_line),
            branch_url=_plain(self.branch_url, plain_line),
            pull_request_url=_plain(self.pull_request_url, plain_line),
            pull_request_status=_plain(self.pull_request_status, plain_line),
            pull_request_number=_plain(self.pull_request_number, plain_line),
        )


def _plain(
    text: str | None, clean: Callable[[str], str], most: int = _MOST_OF_A_LINE
) -> str | None:
    return None if text is None else clean(text[:most])


@dataclass(frozen=True, kw_only=True, slots=True)
class Deployment:
    """A deployment. Every change of its settings or status raises its ``version``."""

    id: int
    name: str
    kind: DeploymentKind
    created_at: float
    closed: bool = False
    branch: Branch | None = None
    base: str | None = None
    #: Of a branch deployment: the project whose CI job made it; ``None`` if that was not verified.
    project: Project | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    version: int = 0

    @property
    def is_branch(self) -> bool:
        """Whether it is a branch deployment."""
        return self.kind is DeploymentKind.BRANCH

    @property
    def called(self) -> str:
        """What people call it: that of a branch has a name that says nothing."""
        return self.branch.branch_name if self.branch else self.name

    @property
    def repository(self) -> str | None:
        """The repository of a branch deployment, as the CLI reported it."""
        return self.branch.repo_name if self.branch else None


def branch_deployment_name(repo_name: str, branch_name: str, project: Project | None = None) -> str:
    """The name of a branch's deployment: stable, and safe as a path and a schema name.

    The official CLI asks the server for this name (``getBranchDeploymentName``) and uses the
    answer as it is.

    Args:
        repo_name: as the client reports it.
        branch_name: the same.
        project: of the caller, if it is verified. Others may report the short name of a project,
            so that this one's deployments are named by what nobody else has.
    """
    is_short = project is not None and repo_name != project.path
    repository = project.key if project is not None and is_short else repo_name
    digest = hashlib.sha256(f"{repository}\0{branch_name}".encode()).hexdigest()
    return digest[:32]


def section(settings: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A section of a deployment's settings; what is null, or left empty in YAML, is not set."""
    given = settings.get(name) or {}
    return {key: value for key, value in given.items() if value is not None}
