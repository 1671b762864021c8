"""What a deployment's settings are in the configuration of its Dagster instance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dagstead.control.settings.form import DEPLOYMENT_FORM
from dagstead.plane.deployments import section

#: How often slots of runs that have ended are freed. The rest of run monitoring is ours.
_FREE_SLOTS_EVERY_SECONDS = 10
_OF_SLOTS = ("free_slots_after_run_end_seconds",)

_DEFAULT_MAX_CONCURRENT_RUNS = 50
_THREADS = {"use_threads": True, "num_workers": 4}
_RETENTION = ("schedule", "sensor", "auto_materialize")


def instance_settings(stored: Mapping[str, Any]) -> dict[str, Any]:
    """The part of ``dagster.yaml`` that a deployment's settings define.

    Args:
        stored: as an older version may have stored them. What is not honoured is left out: Dagster
            would not open an instance with it.
    """
    settings = DEPLOYMENT_FORM.in_force(stored)
    monitoring = section(settings, "run_monitoring")
    retries = section(settings, "run_retries")
    automation = section(settings, "auto_materialize")
    freshness = section(settings, "freshness")
    return {
        **_concurrency(settings),
        "run_monitoring": {
            "enabled": True,
            "poll_interval_seconds": _FREE_SLOTS_EVERY_SECONDS,
            **{name: monitoring[name] for name in _OF_SLOTS if name in monitoring},
        },
        "run_retries": {
            "enabled": True,
            "max_retries": retries.get("max_retries", 0),
            "retry_on_asset_or_op_failure": retries.get("retry_on_asset_or_op_failure", True),
        },
        "schedules": {**_THREADS, **section(settings, "schedules")},
        "sensors": {**_THREADS, **section(settings, "sensors")},
        "backfills": {**_THREADS, **section(settings, "backfills")},
        **({"auto_materialize": {"num_workers": 4, **automation}} if automation else {}),
        **({"freshness": freshness} if freshness else {}),
        **_retention(settings),
    }


def _concurrency(settings: Mapping[str, Any]) -> dict[str, Any]:
    queue = section(settings, "run_queue")
    concurrency = {
        name: section(settings["concurrency"], name) for name in section(settings, "concurrency")
    }
    runs = {
        "max_concurrent_runs": queue.get("max_concurrent_runs", _DEFAULT_MAX_CONCURRENT_RUNS),
        "tag_concurrency_limits": queue.get("tag_concurrency_limits", []),
    }
    run_coordinator: dict[str, Any] = {"dequeue_interval_seconds": 1}
    if concurrency:
        # Open-source Dagster refuses an instance with run limits in both places.
        concurrency = {**concurrency, "runs": {**runs, **concurrency.get("runs", {})}}
    else:
        run_coordinator.update(runs)
    return {
        "run_coordinator": {
            "module": "dagster._core.run_coordinator",
            "class": "QueuedRunCoordinator",
            "config": run_coordinator,
        },
        **({"concurrency": concurrency} if concurrency else {}),
    }


def _retention(settings: Mapping[str, Any]) -> dict[str, Any]:
    given = section(settings, "retention")
    kept = {}
    for kind in _RETENTION:
        days = section(given, kind).get("purge_after_days")
        if isinstance(days, dict):
            days = {state: number for state, number in days.items() if number is not None}
        if days is not None:
            kept[kind] = {"purge_after_days": days}
    return {"retention": kept} if kept else {}
