"""What alerts are about, as Dagster's storage has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dagstead.plane.alert_events import AlertEvent
from dagstead.plane.alerts import AlertRun


@dataclass(frozen=True, kw_only=True, slots=True)
class EndedRun:
    """A run that has ended, and that no other follows by itself."""

    run: AlertRun
    has_failed: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class EndedRuns:
    """What was read of one deployment."""

    runs: Sequence[EndedRun] = ()
    #: Where to go on, by kind of end; without those of which nothing new was read.
    cursors: Mapping[AlertEvent, int] = field(default_factory=dict)
