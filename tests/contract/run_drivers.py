"""How each method of ``RunStorage`` is driven."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from dagster import DagsterInstance
from dagster import _check as check
from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus
from dagster._core.execution.telemetry import RunTelemetryData
from dagster._core.snap import ExecutionPlanSnapshot, JobSnap
from dagster._core.storage.dagster_run import (
    DagsterRun,
    DagsterRunStatus,
    JobBucket,
    RunsFilter,
    TagBucket,
)
from dagster._core.storage.tags import ROOT_RUN_ID_TAG
from dagster._daemon.types import DaemonHeartbeat
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.contract.drivers import (
    BY_CLIENT,
    CLIENT_REFUSES,
    Change,
    Driver,
    Excluded,
    Read,
    arguments,
    optional,
    some_of,
)
from tests.contract.world import World, backfill, job_origin

UNKNOWN_RUN = "00000000-0000-0000-0000-000000000000"

#: From before the world was made until after it.
_moments = st.floats(1_700_000_000, 1_900_000_000).map(
    lambda seconds: datetime.fromtimestamp(seconds, tz=UTC)
)
_limits = optional(st.integers(1, 4))
_tag_values = st.sampled_from(["red", "blue", "green", "no such value"])


def run_ids(world: World) -> SearchStrategy[str]:
    """A run that is there, or one that is not."""
    return st.sampled_from([*world.run_ids, UNKNOWN_RUN])


def runs_filters(world: World) -> SearchStrategy[RunsFilter]:
    """Any filter of runs."""
    return st.builds(
        RunsFilter,
        run_ids=optional(some_of([*world.run_ids, UNKNOWN_RUN], least=1)),
        job_name=optional(st.sampled_from(["succeeding", "failing", "__ASSET_JOB", "no such job"])),
        statuses=some_of(DagsterRunStatus),
        tags=st.dictionaries(
            st.sampled_from(["team", ROOT_RUN_ID_TAG, "dagster/partition", "no such tag"]),
            _tag_values | st.lists(_tag_values, min_size=1, max_size=2),
            max_size=2,
        ),
        snapshot_id=optional(st.sampled_from(_snapshot_ids(world))),
        updated_after=optional(_moments),
        updated_before=optional(_moments),
        created_after=optional(_moments),
        created_before=optional(_moments),
        # Hypothesis would draw what is left out; official clients refuse to send this one.
        exclude_subruns=st.none(),
    )


def _likely_filters(world: World) -> SearchStrategy[RunsFilter | None]:
    """Of what any filter may hold, mostly little: else hardly a run passes."""
    one = st.one_of(
        some_of(DagsterRunStatus).map(lambda each: RunsFilter(statuses=each)),
        some_of(world.run_ids, least=1).map(lambda each: RunsFilter(run_ids=each)),
        st.just(RunsFilter(tags={"team": ["red", "blue"]})),
        _moments.map(lambda each: RunsFilter(created_after=each)),
    )
    return optional(one | runs_filters(world))


def _buckets(_world: World) -> SearchStrategy[JobBucket | TagBucket | None]:
    limits = optional(st.integers(1, 2))
    return optional(
        st.builds(JobBucket, job_names=st.just(["succeeding", "failing"]), bucket_limit=limits)
        | st.builds(
            TagBucket,
            tag_key=st.just("team"),
            tag_values=st.just(["red", "blue"]),
            bucket_limit=limits,
        )
    )


def _snapshot_ids(world: World) -> list[str]:
    found = {run.job_snapshot_id for run in world.runs} - {None}
    return [*sorted(map(str, found)), "no such snapshot"]


def _plan_ids(world: World) -> list[str]:
    found = {run.execution_plan_snapshot_id for run in world.runs} - {None}
    return [*sorted(map(str, found)), "no such snapshot"]


def _job_snapshots(world: World) -> list[JobSnap]:
    return [world.instance.get_job_snapshot(each) for each in _snapshot_ids(world)[:-1]]


def _plan_snapshots(world: World) -> list[ExecutionPlanSnapshot]:
    return [world.instance.get_execution_plan_snapshot(each) for each in _plan_ids(world)[:-1]]


def _new_runs(world: World) -> SearchStrategy[DagsterRun]:
    return st.builds(
        # As a function without types: Hypothesis would draw what is left out.
        lambda **given: DagsterRun(**given),  # noqa: PLW0108
        job_name=st.sampled_from(["succeeding", "failing"]),
        # Some ids are drawn again, to be refused.
        run_id=st.uuids().map(str) | st.sampled_from(world.run_ids),
        run_config=st.just({"ops": {}}),
        tags=st.dictionaries(st.sampled_from(["team", "kind"]), _tag_values),
        job_snapshot_id=optional(st.sampled_from(_snapshot_ids(world))),
        remote_job_origin=optional(st.just(job_origin("succeeding"))),
    )


def _backfills(world: World) -> SearchStrategy[Any]:
    return st.builds(
        backfill,
        st.sampled_from([each.backfill_id for each in world.backfills]),
        st.sampled_from(BulkActionStatus),
        st.just(1_700_000_000.0),
    )


def _new_backfills(_world: World) -> SearchStrategy[Any]:
    return st.builds(
        backfill,
        st.text("abcdef", min_size=8, max_size=8),
        st.sampled_from(BulkActionStatus),
        st.just(1_700_000_000.0),
    )


def _backfill_filters(_world: World) -> SearchStrategy[BulkActionsFilter | None]:
    return optional(
        st.builds(
            BulkActionsFilter,
            statuses=optional(some_of(BulkActionStatus, least=1)),
            created_after=optional(_moments),
            created_before=optional(_moments),
            selector_id=optional(st.just("no such selector")),
            # The official class refuses to send these.
            tags=st.none(),
            job_name=st.none(),
            backfill_ids=st.none(),
        )
    )


def _view_run(instance: DagsterInstance, given: Mapping[str, Any]) -> Any:
    run_id = given["dagster_run"].run_id if "dagster_run" in given else given["run_id"]
    return instance.get_run_by_id(run_id), instance.run_storage.get_run_tag_keys()


def _view_created(instance: DagsterInstance, given: Mapping[str, Any]) -> Any:
    records = instance.get_run_records(RunsFilter(run_ids=[given["dagster_run"].run_id]))
    return [(record.dagster_run, record.create_timestamp) for record in records]


def _view_job_snapshots(instance: DagsterInstance, given: Mapping[str, Any]) -> Any:
    snapshot = next(iter(given.values()))
    return instance.get_job_snapshot(snapshot.snapshot_id)


def _view_nothing(_instance: DagsterInstance, _given: Mapping[str, Any]) -> None:
    return None


RUN_DRIVERS: Mapping[str, Driver] = {
    "add_backfill": Change(
        arguments=lambda world: arguments(partition_backfill=_new_backfills(world)),
        view=lambda instance, given: instance.get_backfill(given["partition_backfill"].backfill_id),
        normal=lambda _: None,
    ),
    "add_daemon_heartbeat": Change(
        arguments=lambda _: arguments(
            daemon_heartbeat=st.builds(
                DaemonHeartbeat,
                timestamp=st.integers(1_700_000_000, 1_800_000_000).map(float),
                daemon_type=st.sampled_from(["SENSOR", "BACKFILL"]),
                daemon_id=st.text("abc", max_size=3),
                errors=st.just([]),
            )
        ),
        view=lambda instance, _: instance.get_daemon_heartbeats(),
    ),
    "add_execution_plan_snapshot": Change(
        arguments=lambda world: arguments(
            execution_plan_snapshot=st.sampled_from(_plan_snapshots(world))
        ),
        view=_view_nothing,
    ),
    "add_historical_run": Change(
        arguments=lambda world: arguments(dagster_run=_new_runs(world), run_creation_time=_moments),
        view=_view_created,
    ),
    "add_job_snapshot": Change(
        arguments=lambda world: arguments(job_snapshot=st.sampled_from(_job_snapshots(world))),
        view=_view_job_snapshots,
        positional=True,
    ),
    "add_run": Change(
        arguments=lambda world: arguments(dagster_run=_new_runs(world)), view=_view_run
    ),
    "add_run_tags": Change(
        arguments=lambda world: arguments(
            run_id=run_ids(world),
            new_tags=st.dictionaries(st.sampled_from(["team", "kind"]), _tag_values, min_size=1),
        ),
        view=_view_run,
    ),
    "add_run_telemetry": Change(
        arguments=lambda world: arguments(
            run_telemetry=st.builds(
                RunTelemetryData, run_id=run_ids(world), datapoints=st.just({"memory": 1.0})
            )
        ),
        view=_view_nothing,
        # Open-source Dagster asks first whether its storage takes telemetry, and it does not.
        directly=_view_nothing,
    ),
    "add_snapshot": Change(
        arguments=lambda world: arguments(
            snapshot=st.sampled_from([*_job_snapshots(world), *_plan_snapshots(world)])
        ),
        view=_view_nothing,
    ),
    "alembic_version": BY_CLIENT,
    "delete_run": CLIENT_REFUSES,
    "dispose": BY_CLIENT,
    "get_backfill": Read(
        arguments=lambda world: arguments(
            backfill_id=st.sampled_from([each.backfill_id for each in world.backfills])
        )
    ),
    "get_backfills": Read(
        arguments=lambda world: arguments(
            filters=_backfill_filters(world),
            cursor=optional(st.sampled_from([each.backfill_id for each in world.backfills])),
            limit=_limits,
            status=optional(st.sampled_from(BulkActionStatus)),
        )
    ),
    "get_backfills_count": CLIENT_REFUSES,
    "get_cursor_values": CLIENT_REFUSES,
    "get_daemon_heartbeats": Read(),
    "get_execution_plan_snapshot": Read(
        arguments=lambda world: arguments(
            # Of one that is not there the official class makes an error, and open source None.
            execution_plan_snapshot_id=st.sampled_from(_plan_ids(world)[:-1])
        )
    ),
    "get_job_snapshot": Read(
        arguments=lambda world: arguments(
            job_snapshot_id=st.sampled_from(_snapshot_ids(world)[:-1])
        ),
        positional=True,
    ),
    "get_run_group": Read(
        arguments=lambda world: arguments(run_id=run_ids(world)),
        normal=lambda group: (group[0], list(group[1])),
    ),
    "get_run_ids": Read(
        arguments=lambda world: arguments(
            filters=_likely_filters(world), cursor=optional(run_ids(world)), limit=_limits
        )
    ),
    "get_run_partition_data": Read(
        arguments=lambda world: arguments(runs_filter=_likely_filters(world).filter(bool))
    ),
    "get_run_records": Read(
        arguments=lambda world: arguments(
            filters=_likely_filters(world),
            limit=_limits,
            order_by=optional(st.sampled_from(["id", "create_timestamp", "update_timestamp"])),
            ascending=st.booleans(),
            cursor=optional(run_ids(world)),
            bucket_by=_buckets(world),
        ),
        normal=list,
    ),
    "get_run_tag_keys": Read(),
    "get_run_tags": Read(
        arguments=lambda world: arguments(
            tag_keys=some_of([*world.tag_keys, "no such tag"]),
            value_prefix=optional(st.sampled_from(["r", "b", "z"])),
            limit=_limits,
        )
    ),
    "get_runs": Read(
        arguments=lambda world: arguments(
            filters=_likely_filters(world),
            cursor=optional(run_ids(world)),
            limit=_limits,
            bucket_by=_buckets(world),
            ascending=st.booleans(),
        ),
        normal=list,
    ),
    "get_runs_count": Read(arguments=lambda world: arguments(filters=_likely_filters(world))),
    "handle_run_event": CLIENT_REFUSES,
    "has_execution_plan_snapshot": Read(
        arguments=lambda world: arguments(
            execution_plan_snapshot_id=st.sampled_from(_plan_ids(world))
        )
    ),
    "has_instance": BY_CLIENT,
    "has_job_snapshot": Read(
        arguments=lambda world: arguments(job_snapshot_id=st.sampled_from(_snapshot_ids(world))),
        positional=True,
    ),
    "has_run": Read(arguments=lambda world: arguments(run_id=run_ids(world))),
    "has_snapshot": Read(
        arguments=lambda world: arguments(
            snapshot_id=st.sampled_from([*_snapshot_ids(world), *_plan_ids(world)])
        )
    ),
    "migrate": BY_CLIENT,
    "optimize": BY_CLIENT,
    "optimize_for_webserver": BY_CLIENT,
    "register_instance": BY_CLIENT,
    "replace_job_origin": Change(
        arguments=lambda world: arguments(
            run=st.sampled_from(world.runs),
            job_origin=st.sampled_from([job_origin("failing"), job_origin("failing", "renamed")]),
        ),
        view=lambda instance, given: instance.get_run_by_id(given["run"].run_id),
        normal=lambda _: None,
        # The client sends the run's id only, so that the run is taken as it is by then.
        directly=lambda instance, given: instance.run_storage.replace_job_origin(
            check.not_none(instance.get_run_by_id(given["run"].run_id)), given["job_origin"]
        ),
    ),
    "set_cursor_values": CLIENT_REFUSES,
    "supports_bucket_queries": Excluded(
        "the official class says no for itself, so that daemons never put it to the test"
    ),
    "supports_run_telemetry": Excluded(
        "the official class says yes for itself; the server takes telemetry and drops it"
    ),
    "update_backfill": Change(
        arguments=lambda world: arguments(partition_backfill=_backfills(world)),
        view=lambda instance, given: instance.get_backfill(given["partition_backfill"].backfill_id),
        normal=lambda _: None,
    ),
    "wipe": CLIENT_REFUSES,
    "wipe_daemon_heartbeats": CLIENT_REFUSES,
}
