"""What there are alerts about: the events of the official document, and those that only we have.

The official names are those of ``AlertPolicyEventType`` of the official packages. Ours are finer:
each of them belongs to an official one, where there is one that fits.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class AlertEvent(StrEnum):
    """One of them. The first ones are official."""

    AGENT_UNAVAILABLE = "AGENT_UNAVAILABLE"
    CODE_LOCATION_ERROR = "CODE_LOCATION_ERROR"
    JOB_FAILURE = "JOB_FAILURE"
    JOB_SUCCESS = "JOB_SUCCESS"
    JOB_LONG_RUNNING = "JOB_LONG_RUNNING"
    TICK_FAILURE = "TICK_FAILURE"
    ASSET_MATERIALIZATION_FAILURE = "ASSET_MATERIALIZATION_FAILURE"
    QUEUE_UNSERVED = "QUEUE_UNSERVED"
    AGENT_DOWN = "AGENT_DOWN"
    LOCATION_NOT_HEALING = "LOCATION_NOT_HEALING"
    RELEASE_FAILED = "RELEASE_FAILED"
    SCHEDULE_LATE = "SCHEDULE_LATE"
    LONGEST_WAIT_EXCEEDED = "LONGEST_WAIT_EXCEEDED"

    @property
    def is_own(self) -> bool:
        """Whether only our own document may name it."""
        return self in _OWN

    @property
    def official(self) -> AlertEvent | None:
        """The official event that stands for it; ``None`` where there is none."""
        return self if self not in _OWN else _OFFICIAL.get(self)

    @property
    def lasts(self) -> bool:
        """Whether it is a state that ends at some time, and not what has happened once."""
        return self not in _ONCE


class EventSubject(StrEnum):
    """What an event is about. All events of a policy are about the same."""

    AGENTS = "agents and queues"
    LOCATIONS = "code locations"
    RUNS = "runs"
    TICKS = "schedules and sensors"
    ASSETS = "assets"


_OFFICIAL: Final[Mapping[AlertEvent, AlertEvent]] = {
    AlertEvent.QUEUE_UNSERVED: AlertEvent.AGENT_UNAVAILABLE,
    AlertEvent.AGENT_DOWN: AlertEvent.AGENT_UNAVAILABLE,
    AlertEvent.LOCATION_NOT_HEALING: AlertEvent.CODE_LOCATION_ERROR,
    AlertEvent.RELEASE_FAILED: AlertEvent.CODE_LOCATION_ERROR,
    AlertEvent.SCHEDULE_LATE: AlertEvent.TICK_FAILURE,
}
_OWN: Final = frozenset({*_OFFICIAL, AlertEvent.LONGEST_WAIT_EXCEEDED})
_ONCE: Final = frozenset(
    {
        AlertEvent.JOB_FAILURE,
        AlertEvent.JOB_SUCCESS,
        AlertEvent.ASSET_MATERIALIZATION_FAILURE,
    }
)

SUBJECTS: Final[Mapping[AlertEvent, EventSubject]] = {
    AlertEvent.AGENT_UNAVAILABLE: EventSubject.AGENTS,
    AlertEvent.QUEUE_UNSERVED: EventSubject.AGENTS,
    AlertEvent.AGENT_DOWN: EventSubject.AGENTS,
    AlertEvent.LONGEST_WAIT_EXCEEDED: EventSubject.AGENTS,
    AlertEvent.CODE_LOCATION_ERROR: EventSubject.LOCATIONS,
    AlertEvent.LOCATION_NOT_HEALING: EventSubject.LOCATIONS,
    AlertEvent.RELEASE_FAILED: EventSubject.LOCATIONS,
    AlertEvent.JOB_FAILURE: EventSubject.RUNS,
    AlertEvent.JOB_SUCCESS: EventSubject.RUNS,
    AlertEvent.JOB_LONG_RUNNING: EventSubject.RUNS,
    AlertEvent.TICK_FAILURE: EventSubject.TICKS,
    AlertEvent.SCHEDULE_LATE: EventSubject.TICKS,
    AlertEvent.ASSET_MATERIALIZATION_FAILURE: EventSubject.ASSETS,
}

_CHECKS = "Checks of assets are not watched: have the job fail, and write JOB_FAILURE."
_HEALTH = "Health and freshness of assets are not watched: write ASSET_MATERIALIZATION_FAILURE."
_INSIGHTS = (
    "There are no insights here: read /metrics with Prometheus, and write a rule there; see "
    "deploy/prometheus."
)

#: Official events that are not offered, with what to write instead.
NOT_WATCHED: Final[Mapping[str, str]] = {
    "ASSET_CHECK_EXECUTION_FAILURE": _CHECKS,
    "ASSET_CHECK_PASSED": _CHECKS,
    "ASSET_CHECK_SEVERITY_ERROR": _CHECKS,
    "ASSET_CHECK_SEVERITY_WARN": _CHECKS,
    "ASSET_FRESHNESS_FAIL": _HEALTH,
    "ASSET_FRESHNESS_PASS": _HEALTH,
    "ASSET_FRESHNESS_WARN": _HEALTH,
    "ASSET_HEALTH_DEGRADED": _HEALTH,
    "ASSET_HEALTH_HEALTHY": _HEALTH,
    "ASSET_HEALTH_WARNING": _HEALTH,
    "ASSET_MATERIALIZATION_SUCCESS": "Only failures of assets are watched: write JOB_SUCCESS.",
    "ASSET_TABLE_SCHEMA_CHANGE": "Schemas of tables are not watched. Leave it out.",
    "CODE_LOCATION_DEPLOY_SUCCESS": (
        "Only failures are watched: whoever deploys sees that it worked; write CODE_LOCATION_ERROR."
    ),
    "INSIGHTS_CONSUMPTION_EXCEEDED": _INSIGHTS,
    "METRIC_MONITOR_ALERT": _INSIGHTS,
}
