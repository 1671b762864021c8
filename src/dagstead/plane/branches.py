"""Branch deployments beside their names: what they are compared with, and how long they stay open.

With the deployment that a branch is to be merged into, its base, it is compared to show what its
code changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dagstead.plane.deployments import Deployment, section

#: Made at the first start; the base of branch deployments that name none.
_PREFERRED = "prod"
_DAY_SECONDS = 24 * 3600.0


class SnapshotCondition(StrEnum):
    """When what a branch is compared with is kept, so that it stays as it was then."""

    #: When the branch deployment is made.
    ON_CREATE = "on-create"
    #: Whenever it is updated.
    ON_UPDATE = "on-update"


@dataclass(frozen=True, kw_only=True, slots=True)
class BaseSnapshot:
    """The definitions that the base of a branch deployment had at a moment."""

    #: The name of the base.
    base: str
    taken_at: float
    #: By location: a packed ``DagsterCloudCodeLocationManifest``.
    manifests: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class BranchRecord:
    """What is recorded of a branch deployment when CI makes or updates it."""

    deployment: str
    #: When it was last made or updated.
    opened_at: float
    condition: SnapshotCondition | None = None
    #: ``None`` when it is compared with what its base has now.
    snapshot: BaseSnapshot | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class BaseDefinitions:
    """The definitions that a branch deployment is compared with."""

    base: Deployment
    #: ``None`` when it is compared with what its base has now.
    snapshot: BaseSnapshot | None


def base_of(deployment: Deployment, full: Iterable[str]) -> str | None:
    """The base of a branch deployment; ``None`` if that is deleted.

    Args:
        deployment: of a branch.
        full: the names of all full deployments.
    """
    names = frozenset(full)
    base = default_base(names) if deployment.base is None else deployment.base
    return base if base in names else None


def default_base(full: Iterable[str]) -> str | None:
    """The base of branch deployments that name none.

    Args:
        full: the names of all full deployments.
    """
    names = sorted(full)
    return _PREFERRED if _PREFERRED in names else next(iter(names), None)


def keeps_snapshot(condition: SnapshotCondition | None, before: BranchRecord | None) -> bool:
    """Whether the snapshot stays that a branch deployment has, when it is updated."""
    if condition is not SnapshotCondition.ON_CREATE or before is None:
        return False
    return before.snapshot is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class BranchAge:
    """How long branch deployments stay open that nobody uses, as the organization wants it."""

    #: ``None`` is for ever.
    close_after_seconds: float | None = None

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> BranchAge:
        """From the organization's settings, section ``branch_deployments``."""
        days = section(settings, "branch_deployments").get("close_after_days")
        return cls(close_after_seconds=None if days is None else days * _DAY_SECONDS)

    def closes_at(self, last_activity: float) -> float | None:
        """When a branch deployment is closed, in seconds since 1970; ``None`` is never."""
        seconds = self.close_after_seconds
        return None if seconds is None else last_activity + seconds
