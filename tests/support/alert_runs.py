"""Runs that alerts are about."""

from __future__ import annotations

from dagstead.plane.alert_news import EndedRun
from dagstead.plane.alerts import AlertRun
from dagstead.testing.clock import ManualClock


def failed_run(number: int, clock: ManualClock) -> EndedRun:
    """A run that has failed now."""
    run = AlertRun(
        run_id=f"r{number}",
        job="nightly",
        location="shop",
        repository="__repository__",
        tags={},
        at=clock(),
    )
    return EndedRun(run=run, has_failed=True)
