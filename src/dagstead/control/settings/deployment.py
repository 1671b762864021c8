"""The table of a deployment's settings: Dagster's and Dagster+'s keys, and sections of ours.

The form that checks settings, the page about them and the deployment's instance are made from it.
`tests/unit/engine/test_settings_tables.py` fails for a key of Dagster's or Dagster+'s that is not
placed here, and for one that is honoured without a test that sees what it does.
"""

from __future__ import annotations

from dagstead.control.settings.policies import bounds
from dagstead.control.settings.refused import OF_DEPLOYMENTS
from dagstead.control.settings.rows import (
    AT_LEAST_ONE,
    COUNT,
    DAYS_OF_TICKS,
    GRANULARITY,
    SECONDS,
    TAG_LIMITS,
    TAGS,
    UNSERVED,
    WHOLE_SECONDS,
    HonouredSetting,
    Row,
)

_NUMBER = "a number"
_YES_OR_NO = "true or false"
_DAYS = "days, or days for `skipped`, `success`, `failure` and `started`; -1 is for ever"


def _runs(section: str, remark: str = "") -> tuple[HonouredSetting, ...]:
    return (
        HonouredSetting(
            path=f"{section}.max_concurrent_runs",
            takes=COUNT,
            values=_NUMBER,
            default="50",
            does=f"Most runs in progress at one time.{remark}",
        ),
        HonouredSetting(
            path=f"{section}.tag_concurrency_limits",
            takes=TAG_LIMITS,
            values="a list of `key`, `limit` and `value`",
            default="none",
            does="Most runs in progress at one time with a tag; with `value`, with that value of "
            "it, and with `value: {applyLimitPerUniqueValue: true}`, with every value of it."
            f"{remark}",
        ),
    )


def _workers(section: str, what: str, *, default: str) -> tuple[HonouredSetting, ...]:
    return (
        HonouredSetting(
            path=f"{section}.use_threads",
            takes=bool,
            values=_YES_OR_NO,
            default=default,
            does=f"Whether several {what} are evaluated at one time.",
        ),
        HonouredSetting(
            path=f"{section}.num_workers",
            takes=AT_LEAST_ONE,
            values=_NUMBER,
            default="4",
            does=f"Most {what} that are evaluated at one time, with `use_threads`.",
        ),
    )


def _submitters(section: str, what: str) -> HonouredSetting:
    return HonouredSetting(
        path=f"{section}.num_submit_workers",
        takes=AT_LEAST_ONE,
        values=_NUMBER,
        default="1",
        does=f"Most runs of one of the {what} that are submitted at one time.",
    )


def _kept(section: str, what: str, default: str) -> HonouredSetting:
    return HonouredSetting(
        path=f"retention.{section}.purge_after_days",
        takes=DAYS_OF_TICKS,
        values=_DAYS,
        default=default,
        does=f"How many days ticks of {what} are kept.",
    )


_CONCURRENCY = (
    *_runs("concurrency.runs"),
    HonouredSetting(
        path="concurrency.pools.granularity",
        takes=GRANULARITY,
        values="`op` or `run`",
        default="`op`",
        does="Whether limits of pools count steps, or runs that have such a step.",
    ),
    HonouredSetting(
        path="concurrency.pools.default_limit",
        takes=COUNT,
        values=_NUMBER,
        default="none",
        does="The limit of pools that have none of their own.",
    ),
    HonouredSetting(
        path="concurrency.pools.op_granularity_run_buffer",
        takes=COUNT,
        values=_NUMBER,
        default="0",
        does="How many runs beyond a pool's limit start although all their steps will wait for it.",
    ),
    *_runs("run_queue", " The older name of the setting below `concurrency.runs`."),
)

_MONITORING = (
    HonouredSetting(
        path="run_monitoring.start_timeout_seconds",
        takes=WHOLE_SECONDS,
        values="seconds; 0 is no limit",
        default="1200",
        does="A launched run that has not started by then fails, and says what it waited for.",
    ),
    HonouredSetting(
        path="run_monitoring.cancel_timeout_seconds",
        takes=WHOLE_SECONDS,
        values="seconds; 0 is no limit",
        default="180",
        does="A run that is to end and has not by then is ended here, and says that its worker may "
        "go on.",
    ),
    HonouredSetting(
        path="run_monitoring.max_runtime_seconds",
        takes=WHOLE_SECONDS,
        values="seconds; 0 is no limit",
        default="0",
        does="A run that takes longer is terminated and fails; its tag `dagster/max_runtime` wins.",
    ),
    HonouredSetting(
        path="run_monitoring.free_slots_after_run_end_seconds",
        takes=WHOLE_SECONDS,
        values="seconds; 0 is never",
        default="0",
        does="When slots in pools are freed that an ended run still has.",
    ),
)

_RETRIES = (
    HonouredSetting(
        path="run_retries.max_retries",
        takes=COUNT,
        values=_NUMBER,
        default="0",
        does="How often a run that failed is tried again; its tag `dagster/max_retries` wins.",
    ),
    HonouredSetting(
        path="run_retries.retry_on_asset_or_op_failure",
        takes=bool,
        values=_YES_OR_NO,
        default="true",
        does="Whether runs are tried again in which a step failed, not only those whose worker "
        "was lost.",
    ),
)

_NON_ISOLATED = (
    HonouredSetting(
        path="non_isolated_runs.enabled",
        takes=bool,
        values=_YES_OR_NO,
        default="true",
        does="Whether a run with the tag `dagster/isolation: disabled` is executed in its code "
        "server. If not, it gets a worker of its own, and its log says so.",
    ),
    HonouredSetting(
        path="non_isolated_runs.max_concurrent_non_isolated_runs",
        takes=COUNT,
        values=_NUMBER,
        default="no limit",
        does="Most runs of the deployment in code servers at one time. Others get workers of their "
        "own.",
    ),
)

_AUTOMATION = (
    HonouredSetting(
        path="auto_materialize.use_sensors",
        takes=bool,
        values=_YES_OR_NO,
        default="true",
        does="Whether assets' conditions are evaluated by sensors that can be switched on and off, "
        "or for the whole deployment at once.",
    ),
    HonouredSetting(
        path="auto_materialize.minimum_interval_seconds",
        takes=WHOLE_SECONDS,
        values="seconds",
        default="30",
        does="The time between two evaluations without sensors. A sensor has its own: "
        "`minimum_interval_seconds` in the code.",
    ),
    HonouredSetting(
        path="auto_materialize.run_tags",
        takes=TAGS,
        values="tags and their values",
        default="none",
        does="Tags of the runs that materialize assets by their conditions.",
    ),
    HonouredSetting(
        path="auto_materialize.respect_materialization_data_versions",
        takes=bool,
        values=_YES_OR_NO,
        default="false",
        does="Whether a materialization with the same data version as before counts as no change.",
    ),
    HonouredSetting(
        path="auto_materialize.max_tick_retries",
        takes=COUNT,
        values=_NUMBER,
        default="3",
        does="How often an evaluation is tried again whose runs could not be made.",
    ),
    *_workers("auto_materialize", "sensors of automation", default="false"),
)

_DAEMONS = (
    *_workers("schedules", "schedules", default="true"),
    _submitters("schedules", "schedules"),
    *_workers("sensors", "sensors", default="true"),
    _submitters("sensors", "sensors"),
    *_workers("backfills", "backfills", default="true"),
    _submitters("backfills", "backfills"),
    _kept("schedule", "schedules", "for ever"),
    _kept("sensor", "sensors", "for ever; skipped ones for 7 days"),
    _kept("auto_materialize", "automation without sensors", "for ever; skipped ones for 7 days"),
    HonouredSetting(
        path="freshness.enabled",
        takes=bool,
        values=_YES_OR_NO,
        default="true",
        does="Whether freshness policies are evaluated.",
    ),
)

_OURS = (
    HonouredSetting(
        path="releases.atomic",
        takes=bool,
        values=_YES_OR_NO,
        default="true",
        does="Whether all locations of a release go back when one of them does not load.",
    ),
    HonouredSetting(
        path="releases.unserved_queue",
        takes=UNSERVED,
        values="`refuse`, `warn` or `wait`",
        default="`refuse`",
        does="What becomes of a deploy to a queue that no live agent serves.",
    ),
    HonouredSetting(
        path="releases.timeout_seconds",
        takes=SECONDS,
        values="seconds",
        default="3600",
        does="A release that has not loaded by then goes back.",
    ),
    *bounds(whose="the deployment"),
    *bounds(below="location_tokens", whose="tokens of some locations"),
)

DEPLOYMENT_TABLE: tuple[Row, ...] = (
    *_CONCURRENCY,
    *_MONITORING,
    *_RETRIES,
    *_NON_ISOLATED,
    *_AUTOMATION,
    *_DAEMONS,
    *_OURS,
    *OF_DEPLOYMENTS,
)
