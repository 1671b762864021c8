"""Which runs are executed in their code server, as a deployment's settings say."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from dagstead.plane.deployments import section


@dataclass(frozen=True, kw_only=True, slots=True)
class IsolationPolicy:
    """Whether runs may share their code server, and how many at one time."""

    is_enabled: bool = True
    #: ``None`` is no limit.
    most: int | None = None

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> IsolationPolicy:
        """From a deployment's settings, section ``non_isolated_runs``."""
        given = section(settings, "non_isolated_runs")
        return cls(
            is_enabled=given.get("enabled") is not False,
            most=given.get("max_concurrent_non_isolated_runs"),
        )

    def objection(self, others: Collection[str]) -> str | None:
        """Why another run needs a worker of its own; ``None`` if it does not.

        Args:
            others: the runs that are in code servers.
        """
        if not self.is_enabled:
            return "non_isolated_runs.enabled is false in the settings of this deployment"
        if self.most is not None and len(others) >= self.most:
            holders = f": {', '.join(sorted(others))}" if others else ""
            return (
                f"{len(others)} runs are in code servers, and "
                f"non_isolated_runs.max_concurrent_non_isolated_runs is {self.most}{holders}"
            )
        return None
