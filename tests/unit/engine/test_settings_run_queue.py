"""Limits on runs: which of them leave the run queue."""

from __future__ import annotations

from typing import Any

import pytest
from dagster import DagsterEventType
from dagster._core.storage.dagster_run import RunOpConcurrency

from tests.unit.engine.runs import report
from tests.unit.engine.settings_seen import sees
from tests.unit.engine.settings_stage import Stage

LIMITS: list[dict[str, Any]] = [
    {"key": "team", "value": "a", "limit": 1},
    {"key": "size", "limit": 1},
    {"key": "table", "value": {"applyLimitPerUniqueValue": True}, "limit": 1},
]


def in_pool() -> dict[str, Any]:
    """Of a run whose only step is in a pool."""
    return {
        "run_op_concurrency": RunOpConcurrency(
            root_key_counts={"database": 1},
            has_unconstrained_root_nodes=False,
            all_pools={"database"},
        )
    }


def use_pool(stage: Stage, pools: dict[str, Any]) -> None:
    """Set how pools are limited, and let a step ask for a slot of one."""
    instance = stage.set({"concurrency": {"pools": pools}})
    instance.event_log_storage.initialize_concurrency_limit_to_default("database")


@sees("concurrency.runs.max_concurrent_runs", "run_queue.max_concurrent_runs")
@pytest.mark.parametrize("name", ["concurrency", "run_queue"])
def test_at_most_so_many_runs_are_in_progress(stage: Stage, name: str) -> None:
    limit = {"max_concurrent_runs": 2}
    stage.set({"run_queue": limit} if name == "run_queue" else {"concurrency": {"runs": limit}})
    runs = stage.queued(3)

    stage.dequeue()
    assert stage.started(runs) == [True, True, False]
    stage.set({})
    stage.dequeue()
    assert stage.started(runs) == [True, True, True]


@sees("concurrency.runs.tag_concurrency_limits", "run_queue.tag_concurrency_limits")
@pytest.mark.parametrize("name", ["concurrency", "run_queue"])
def test_at_most_so_many_runs_with_a_tag_are_in_progress(stage: Stage, name: str) -> None:
    limit = {"tag_concurrency_limits": LIMITS}
    stage.set({"run_queue": limit} if name == "run_queue" else {"concurrency": {"runs": limit}})
    tags = [
        {"team": "a"},
        {"team": "a"},
        {"team": "b"},
        {"size": "1"},
        {"size": "2"},
        {"table": "x"},
        {"table": "y"},
        {"table": "x"},
    ]
    runs = [run for each in tags for run in stage.queued(tags=each)]

    stage.dequeue()
    assert stage.started(runs) == [True, False, True, True, False, True, True, False]
    stage.set({})
    stage.dequeue()
    assert all(stage.started(runs))


@sees("concurrency.pools.default_limit", "concurrency.pools.granularity")
def test_pools_without_a_limit_of_their_own_have_the_default(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Otherwise a run counts for some seconds after its start in any case.
    monkeypatch.setenv("DAGSTER_OP_CONCURRENCY_KEYS_ALLOTTED_FOR_STARTED_RUN_SECONDS", "0")
    use_pool(stage, {"default_limit": 2, "granularity": "run"})
    runs = stage.queued(4, **in_pool())

    stage.dequeue()
    assert stage.started(runs) == [True, True, False, False]
    for run in runs[:2]:
        report(stage.instance, run, DagsterEventType.RUN_START)
    stage.dequeue()
    assert stage.started(runs) == [True, True, False, False], "it counts runs"
    use_pool(stage, {"default_limit": 1, "granularity": "op"})
    stage.dequeue()
    assert stage.started(runs) == [True, True, True, False], "none of their steps has a slot"


@sees("concurrency.pools.op_granularity_run_buffer")
def test_so_many_runs_start_that_would_only_wait_for_a_pool(stage: Stage) -> None:
    pools: dict[str, Any] = {"default_limit": 1, "granularity": "op"}
    use_pool(stage, pools)
    runs = stage.queued(3, **in_pool())

    stage.dequeue()
    assert stage.started(runs) == [True, False, False]
    use_pool(stage, {**pools, "op_granularity_run_buffer": 1})
    stage.dequeue()
    assert stage.started(runs) == [True, True, False]
