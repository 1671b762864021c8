"""PEX files: who stored them, and which releases may use them.

The official CLI asks where to send a file without naming a deployment. What is known is who asks.
So every file is kept in the namespace of its uploader, which stands for what that one may deploy; a
release takes a file only from an uploader who may deploy the same there without anybody's help.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from dagstead.model.pex_names import PexName
from dagstead.plane.deployments import Deployment
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.projects import Project
from dagstead.plane.roles import Permission, Roles
from dagstead.plane.tokens import Token

_DIGITS = 32


@dataclass(frozen=True, kw_only=True, slots=True)
class Uploader:
    """What those may deploy who store files in one namespace; the default may deploy everything."""

    #: Full deployments; ``None`` is all, branch deployments included.
    deployments: frozenset[str] | None = None
    branch_deployments: bool = True
    #: The project whose branch deployments it may use; ``None`` is all of them.
    project: Project | None = None
    #: ``None`` is every location.
    locations: frozenset[str] | None = None
    #: Whether it is the job of a pull request, whose code nobody has accepted yet.
    is_pull_request: bool = False
    #: Its roles, if it may not deploy everywhere what the rest says; as text. Its files are for
    #: those with the same grants and roles: a part of what it grants says nothing of the others.
    roles: str | None = None

    @classmethod
    def of(cls, token: Token) -> Self:
        """What the holder of a token may deploy."""
        return cls(
            deployments=token.deployments,
            branch_deployments=token.branch_deployments,
            project=token.own_project,
            locations=token.locations,
            roles=_limits(token.roles),
            is_pull_request=token.is_pull_request,
        )

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what :meth:`as_json` made."""
        deployments, locations = (value[key] for key in ("deployments", "locations"))
        return cls(
            deployments=None if deployments is None else frozenset(deployments),
            branch_deployments=value["branch_deployments"],
            project=Project.of_stored(value["project"]),
            locations=None if locations is None else frozenset(locations),
            roles=value.get("roles"),
            is_pull_request=value["is_pull_request"],
        )

    def as_json(self) -> dict[str, Any]:
        """For a column of the database, and for the name of its namespace."""
        # Those without are in namespaces that had their names before there were roles.
        limits = {} if self.roles is None else {"roles": self.roles}
        return {
            **limits,
            "deployments": None if self.deployments is None else sorted(self.deployments),
            "branch_deployments": self.branch_deployments,
            "project": None if self.project is None else self.project.as_stored,
            "locations": None if self.locations is None else sorted(self.locations),
            "is_pull_request": self.is_pull_request,
        }

    @property
    def is_organization(self) -> bool:
        """Whether it may deploy everything."""
        limits = (self.deployments, self.locations, self.roles)
        return limits == (None, None, None) and not self.is_pull_request

    @property
    def deploys_whole(self) -> bool:
        """Whether it may deploy every location wherever it may deploy at all."""
        return (self.locations, self.roles) == (None, None) and not self.is_pull_request

    @property
    def namespace(self) -> str:
        """The name of its namespace: the same for all who may deploy the same."""
        if self.is_organization:
            return ORGANIZATION
        text = json.dumps(self.as_json(), sort_keys=True)
        return f"by-{hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]}"

    def may_supply(self, deployment: Deployment, location: str, to: Uploader) -> bool:
        """Whether a release may use its files.

        A branch deployment trusts whom the deployment trusts that it is based on. What a pull
        request stored is for branch deployments, and for releases of pull requests of the same
        project, whatever else its token grants: nobody has accepted that code.

        Args:
            deployment: the release's.
            location: that needs a file.
            to: who begins the release.
        """
        if self.roles is not None and self != to:
            return False
        if self.locations is not None and location not in self.locations:
            return False
        if deployment.is_branch:
            return self._may_supply_branch(deployment)
        if self.is_pull_request and not self._is_same_project(to):
            return False
        return self._has(deployment.name)

    def _may_supply_branch(self, deployment: Deployment) -> bool:
        is_named = self.deployments is not None and deployment.name in self.deployments
        if is_named or (self.branch_deployments and self._owns(deployment)):
            return True
        return not self.is_pull_request and self._has(deployment.base)

    def _owns(self, branch: Deployment) -> bool:
        return self.project is None or self.project.owns(branch.project, branch.repository)

    def _has(self, full_deployment: str | None) -> bool:
        return self.deployments is None or full_deployment in self.deployments

    def _is_same_project(self, other: Uploader) -> bool:
        return other.is_pull_request and self.project is not None and self.project == other.project

    def covers(self, other: Uploader) -> bool:
        """Whether every release that the other one may begin may use its files."""
        if self == other or self.is_organization:
            return True
        return (
            not self.is_pull_request
            and self.roles is None
            and _covers(self.locations, other.locations)
            and _covers(self.deployments, other.deployments)
            and self._covers_branches(other)
        )

    def _covers_branches(self, other: Uploader) -> bool:
        if self.deployments is None or not other.branch_deployments:
            return True
        return self.branch_deployments and self.project in {None, other.project}


def _limits(roles: Roles) -> str | None:
    """Roles of which some may not deploy; ``None`` when all of them may."""
    may_deploy = roles.least.includes(Permission.DEPLOY.least)
    return None if may_deploy else json.dumps(roles.as_json(), sort_keys=True)


def _covers(mine: frozenset[str] | None, others: frozenset[str] | None) -> bool:
    return mine is None or (others is not None and others <= mine)


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredPex:
    """A PEX file in a namespace. One name may be there with several contents."""

    #: As the builder gave it.
    name: str
    sha256: str
    uploader: Uploader
    #: The name of the token that stored it last.
    by: str
    stored_at: float

    @property
    def pinned(self) -> PexName:
        """Its name, with its content."""
        return PexName(self.name, self.sha256)
