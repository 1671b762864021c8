"""The limits that runs of branch deployments share: which one holds a run, and how it is raised."""

from __future__ import annotations

from typing import Any

import pytest

from dagstead.plane.branch_limits import BranchCounts, BranchLimits, BranchRun
from dagstead.plane.reasons import ReasonCode

TAGS = [{"key": "team", "limit": 1, "value": {"applyLimitPerUniqueValue": True}}]


def run(run_id: str, deployment: str = "one", team: str = "red") -> BranchRun:
    return BranchRun(deployment=deployment, run_id=run_id, tags={"team": team})


@pytest.mark.parametrize(
    ("setting", "value", "code", "said"),
    [
        (
            "max_concurrent_branch_deployment_runs",
            2,
            ReasonCode.RUN_LIMIT,
            "runs under way in all branch deployments is reached: 2 of 2, held by a, b.",
        ),
        (
            "max_concurrent_runs_per_branch_deployment",
            1,
            ReasonCode.RUN_LIMIT,
            "runs under way in branch deployment 'one' is reached: 1 of 1, held by a.",
        ),
        (
            "branch_deployment_tag_concurrency_limits",
            TAGS,
            ReasonCode.TAG_LIMIT,
            "with the tag 'team=red' in all branch deployments is reached: 1 of 1, held by a.",
        ),
    ],
)
def test_every_limit_says_what_holds_it_and_how_it_is_raised(
    setting: str, value: Any, code: ReasonCode, said: str
) -> None:
    counts = BranchCounts(
        BranchLimits.of({setting: value}), [run("a"), run("b", deployment="two", team="blue")]
    )
    hold = counts.take(run("c"))
    assert hold is not None
    assert hold.reason.code is code
    assert said in hold.reason.says
    assert hold.reason.mend is not None
    assert f"raise {setting} in the settings of the organization" in hold.reason.mend.says
    assert hold.reason.mend.command == "dagster-cloud organization settings set-from-file FILE"


def test_runs_that_are_next_count() -> None:
    counts = BranchCounts(BranchLimits.of({"max_concurrent_branch_deployment_runs": 1}), [])
    assert counts.take(run("a")) is None
    assert counts.take(run("b")) is not None
