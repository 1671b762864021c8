"""The table of the organization's settings: limits of branch deployments, and deploy policies."""

from __future__ import annotations

from dagstead.control.settings.policies import bounds
from dagstead.control.settings.refused import OF_ORGANIZATIONS
from dagstead.control.settings.rows import AT_LEAST_ONE, COUNT, TAG_LIMITS, HonouredSetting, Row
from dagstead.plane.branch_limits import DEFAULT_BRANCH_RUNS

ORGANIZATION_TABLE: tuple[Row, ...] = (
    HonouredSetting(
        path="max_concurrent_branch_deployment_runs",
        takes=COUNT,
        values="a number",
        default=str(DEFAULT_BRANCH_RUNS),
        does="Most runs in progress at one time in all branch deployments together.",
    ),
    HonouredSetting(
        path="max_concurrent_runs_per_branch_deployment",
        takes=COUNT,
        values="a number",
        default="no further limit",
        does="Most runs in progress at one time in one branch deployment.",
    ),
    HonouredSetting(
        path="branch_deployment_tag_concurrency_limits",
        takes=TAG_LIMITS,
        values="a list of `key`, `limit` and `value`",
        default="none",
        does="Most runs with a tag in all branch deployments together; as "
        "`concurrency.runs.tag_concurrency_limits` of a deployment.",
    ),
    HonouredSetting(
        path="branch_deployments.close_after_days",
        takes=AT_LEAST_ONE,
        values="days",
        default="never",
        does="A branch deployment that nobody deploys to and that has no run for so long is "
        "closed. The next deploy of its branch opens it again.",
    ),
    *bounds(whose="every deployment"),
    *bounds(below="branch_deployments", whose="branch deployments"),
    *bounds(below="location_tokens", whose="tokens of some locations"),
    *OF_ORGANIZATIONS,
)
