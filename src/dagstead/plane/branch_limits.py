"""Limits on the runs of branch deployments, which the organization's settings set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dagstead.plane.reasons import Mend, ReasonCode
from dagstead.plane.run_queue import Hold, TagCounts, TagLimit

#: As in Dagster+.
DEFAULT_BRANCH_RUNS = 50

_ALL = "all branch deployments"


@dataclass(frozen=True, kw_only=True, slots=True)
class BranchLimits:
    """What runs of branch deployments share."""

    #: Most runs in progress in all branch deployments together.
    all_runs: int = DEFAULT_BRANCH_RUNS
    #: Most in one of them; ``None`` is no limit beside that one.
    runs_of_one: int | None = None
    tags: Sequence[TagLimit] = ()

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> BranchLimits:
        """Those of the organization's settings."""
        every = settings.get("max_concurrent_branch_deployment_runs")
        return cls(
            all_runs=DEFAULT_BRANCH_RUNS if every is None else every,
            runs_of_one=settings.get("max_concurrent_runs_per_branch_deployment"),
            tags=tuple(
                TagLimit.of_setting(given)
                for given in settings.get("branch_deployment_tag_concurrency_limits") or ()
            ),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class BranchRun:
    """A run of a branch deployment."""

    deployment: str
    run_id: str
    #: They may be left out where no limit counts tags.
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str]:
        """Two deployments may have runs with the same id."""
        return self.deployment, self.run_id


class BranchCounts:
    """What is taken of the limits, by runs in progress and by those that are next."""

    def __init__(self, limits: BranchLimits, in_progress: Iterable[BranchRun]) -> None:
        """With the runs in progress in all branch deployments."""
        self._limits = limits
        self._runs: list[BranchRun] = []
        self._tags = TagCounts(limits.tags)
        for run in in_progress:
            self._count(run)

    def take(self, run: BranchRun) -> Hold | None:
        """Count a run in, unless a limit holds it in its run queue."""
        hold = self._hold(run)
        if hold is None:
            self._count(run)
        return hold

    def _count(self, run: BranchRun) -> None:
        self._runs.append(run)
        self._tags.add(run.tags)

    def _hold(self, run: BranchRun) -> Hold | None:
        limits = self._limits
        if len(self._runs) >= limits.all_runs:
            setting = "max_concurrent_branch_deployment_runs"
            return _runs_hold(limits.all_runs, self._runs, _ALL, setting)
        own = [each for each in self._runs if each.deployment == run.deployment]
        if limits.runs_of_one is not None and len(own) >= limits.runs_of_one:
            within = f"branch deployment {run.deployment!r}"
            setting = "max_concurrent_runs_per_branch_deployment"
            return _runs_hold(limits.runs_of_one, own, within, setting)
        use = self._tags.full(run.tags)
        if use is None:
            return None
        return Hold(
            code=ReasonCode.TAG_LIMIT,
            about=use.about,
            limit=use.limit.limit,
            used=use.used,
            holders=[each.run_id for each in self._runs if use.counts(each.tags)],
            within=_ALL,
            mend=_raise("branch_deployment_tag_concurrency_limits"),
        )


def _runs_hold(limit: int, runs: Sequence[BranchRun], within: str, setting: str) -> Hold:
    return Hold(
        code=ReasonCode.RUN_LIMIT,
        about=within,
        limit=limit,
        used=len(runs),
        holders=[each.run_id for each in runs],
        within=within,
        mend=_raise(setting),
    )


def _raise(setting: str) -> Mend:
    return Mend(
        says=f"Wait for these, or raise {setting} in the settings of the organization.",
        command="dagster-cloud organization settings set-from-file FILE",
    )
