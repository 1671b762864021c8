"""Limits on the runs of branch deployments, which the organization's settings set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: As in Dagster+.
DEFAULT_BRANCH_RUNS = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class BranchLimits:
    """What runs of branch deployments share."""

    #: Most runs in progress in all branch deployments together.
    all_runs: int = DEFAULT_BRANCH_RUNS
    #: Most in one of them; ``None`` is no limit beside that one.
    runs_of_one: int | None = None
    #: As Dagster's ``tag_concurrency_limits``.
    tag_limits: Sequence[Mapping[str, Any]] = ()

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> BranchLimits:
        """Those of the organization's settings."""
        every = settings.get("max_concurrent_branch_deployment_runs")
        return cls(
            all_runs=DEFAULT_BRANCH_RUNS if every is None else every,
            runs_of_one=settings.get("max_concurrent_runs_per_branch_deployment"),
            tag_limits=tuple(settings.get("branch_deployment_tag_concurrency_limits") or ()),
        )

    def objection(self, name: str, under_way: Mapping[str, int]) -> str | None:
        """Why another run of a branch deployment has to wait; ``None`` if it has not.

        Args:
            name: of the deployment.
            under_way: how many runs are in progress, by deployment.
        """
        every = sum(under_way.values())
        if every >= self.all_runs:
            return (
                f"{every} runs of branch deployments are in progress, and "
                f"max_concurrent_branch_deployment_runs is {self.all_runs}"
            )
        own = under_way.get(name, 0)
        if self.runs_of_one is not None and own >= self.runs_of_one:
            return (
                f"{own} runs of this branch deployment are in progress, and "
                f"max_concurrent_runs_per_branch_deployment is {self.runs_of_one}"
            )
        return None
