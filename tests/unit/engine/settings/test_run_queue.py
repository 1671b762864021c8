"""Limits on runs: which of them leave the run queue."""

from __future__ import annotations

from typing import Any

import pytest
from dagster._core.storage.dagster_run import RunOpConcurrency

from tests.unit.engine.settings.honoured import sees
from tests.unit.engine.settings.stage import Stage

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
def test_pools_without_a_limit_of_their_own_have_the_default(stage: Stage) -> None:
    stage.set({"concurrency": {"pools": {"default_limit": 1, "granularity": "run"}}})
    runs = stage.queued(2, **in_pool())

    stage.dequeue()
    assert stage.started(runs) == [True, False]
    # The first run has not taken a slot: where slots of steps are counted, both may start.
    stage.set({"concurrency": {"pools": {"default_limit": 2, "granularity": "op"}}})
    stage.dequeue()
    assert stage.started(runs) == [True, True]


@sees("concurrency.pools.op_granularity_run_buffer")
def test_so_many_runs_start_that_would_only_wait_for_a_pool(stage: Stage) -> None:
    pools = {"default_limit": 1, "granularity": "op"}
    stage.set({"concurrency": {"pools": pools}})
    runs = stage.queued(3, **in_pool())

    stage.dequeue()
    assert stage.started(runs) == [True, False, False]
    stage.set({"concurrency": {"pools": {**pools, "op_granularity_run_buffer": 1}}})
    stage.dequeue()
    assert stage.started(runs) == [True, True, False]
