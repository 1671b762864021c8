"""Which deployments an agent token reaches, as single grants that are added and taken away."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class Scope(StrEnum):
    """What one grant is for, in the words of Dagster+."""

    ORGANIZATION = "ORGANIZATION"
    ALL_BRANCH_DEPLOYMENTS = "ALL_BRANCH_DEPLOYMENTS"
    DEPLOYMENT = "DEPLOYMENT"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reach:
    """The grants that there are.

    The grant of the whole organization does not replace the others: they are what is left when it
    is taken away. With none at all, nothing is reached.
    """

    organization: bool = False
    branch_deployments: bool = False
    #: Full deployments that are granted one by one.
    deployments: frozenset[str] = frozenset()

    def with_scope(self, scope: Scope, deployment: str | None = None) -> Reach:
        """With a grant added; ``deployment`` is the one of ``DEPLOYMENT``."""
        match scope:
            case Scope.ORGANIZATION:
                return replace(self, organization=True)
            case Scope.ALL_BRANCH_DEPLOYMENTS:
                return replace(self, branch_deployments=True)
            case Scope.DEPLOYMENT:
                return replace(self, deployments=self.deployments | _named(deployment))

    def without_scope(self, scope: Scope, deployment: str | None = None) -> Reach:
        """With a grant taken away; nothing changes when it is not there."""
        match scope:
            case Scope.ORGANIZATION:
                return replace(self, organization=False)
            case Scope.ALL_BRANCH_DEPLOYMENTS:
                return replace(self, branch_deployments=False)
            case Scope.DEPLOYMENT:
                return replace(self, deployments=self.deployments - _named(deployment))


#: No grant.
NOTHING = Reach()


def _named(deployment: str | None) -> frozenset[str]:
    return frozenset() if deployment is None else frozenset({deployment})
