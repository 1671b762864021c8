"""The deployments that an agent token reaches, as grants that can be added and removed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class Scope(StrEnum):
    """The kinds of grants, in the words of Dagster+."""

    ORGANIZATION = "ORGANIZATION"
    ALL_BRANCH_DEPLOYMENTS = "ALL_BRANCH_DEPLOYMENTS"
    DEPLOYMENT = "DEPLOYMENT"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reach:
    """The grants of a token. Without any, it reaches no deployment.

    The grant of the whole organization does not replace the others: they remain when it is removed.
    """

    organization: bool = False
    branch_deployments: bool = False
    #: Full deployments with a grant of their own.
    deployments: frozenset[str] = frozenset()

    def with_scope(self, scope: Scope, deployment: str | None = None) -> Reach:
        """The same with one more grant. ``DEPLOYMENT`` needs the name of a ``deployment``."""
        match scope:
            case Scope.ORGANIZATION:
                return replace(self, organization=True)
            case Scope.ALL_BRANCH_DEPLOYMENTS:
                return replace(self, branch_deployments=True)
            case Scope.DEPLOYMENT:
                return replace(self, deployments=self.deployments | _named(deployment))

    def without_scope(self, scope: Scope, deployment: str | None = None) -> Reach:
        """The same without a grant; nothing changes when it is not there."""
        match scope:
            case Scope.ORGANIZATION:
                return replace(self, organization=False)
            case Scope.ALL_BRANCH_DEPLOYMENTS:
                return replace(self, branch_deployments=False)
            case Scope.DEPLOYMENT:
                return replace(self, deployments=self.deployments - _named(deployment))


#: No grant at all.
NOTHING = Reach()


def _named(deployment: str | None) -> frozenset[str]:
    return frozenset() if deployment is None else frozenset({deployment})
