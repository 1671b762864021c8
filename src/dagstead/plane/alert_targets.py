"""What an alert policy is about: its targets, in the official document's shapes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

from dagstead.plane.alert_events import EventSubject


class AutomationKind(StrEnum):
    """What a tick is of."""

    SCHEDULE = "SCHEDULE"
    SENSOR = "SENSOR"


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedThing:
    """A job, a schedule or a sensor; ``None`` is any location, or any repository."""

    name: str
    location: str | None = None
    repository: str | None = None

    def fits(self, name: str, location: str | None, repository: str | None) -> bool:
        """Whether it is this one."""
        return (
            self.name == name
            and self.location in {None, location}
            and self.repository in {None, repository}
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class RunTarget:
    """Runs: of these jobs or locations, if any are named, and with all of these tags."""

    jobs: tuple[NamedThing, ...] = ()
    locations: frozenset[str] = frozenset()
    tags: Mapping[str, str] = field(default_factory=dict)
    #: For long runs, so many seconds.
    longer_than: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AutomationTarget:
    """Schedules and sensors: these, or those of these locations, of these kinds."""

    named: tuple[NamedThing, ...] = ()
    locations: frozenset[str] = frozenset()
    kinds: frozenset[AutomationKind] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class LocationTarget:
    """Code locations; none named are all."""

    locations: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class AssetTarget:
    """One asset, or a group of them."""

    key: tuple[str, ...] | None = None
    group: str | None = None
    location: str | None = None
    repository: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueTarget:
    """Agent queues, ``None`` is the default queue. Only in our own document."""

    queues: frozenset[str | None] = frozenset()


Target: TypeAlias = RunTarget | AutomationTarget | LocationTarget | AssetTarget | QueueTarget


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetForm:
    """How a kind of target is written."""

    subject: EventSubject
    #: The names that it may have, and whether each of them has to be there.
    fields: Mapping[str, bool]
    is_own: bool = False


_RUN_FIELDS = {"jobs": False, "tags": False, "location_names": False, "code_location_names": False}

#: By the name in the document.
FORMS: Mapping[str, TargetForm] = {
    "run_result_target": TargetForm(subject=EventSubject.RUNS, fields=_RUN_FIELDS),
    "long_running_job_threshold_target": TargetForm(
        subject=EventSubject.RUNS, fields={**_RUN_FIELDS, "threshold_seconds": True}
    ),
    "schedule_or_sensor_target": TargetForm(
        subject=EventSubject.TICKS,
        fields={
            "schedules_or_sensors": False,
            "location_names": False,
            "code_location_names": False,
            "types": False,
        },
    ),
    "code_location_target": TargetForm(
        subject=EventSubject.LOCATIONS,
        fields={"location_names": False, "code_location_names": False},
    ),
    "asset_key_target": TargetForm(subject=EventSubject.ASSETS, fields={"asset_key": True}),
    "asset_group_target": TargetForm(
        subject=EventSubject.ASSETS,
        fields={"asset_group": True, "location_name": False, "repo_name": False},
    ),
    "queue_target": TargetForm(
        subject=EventSubject.AGENTS, fields={"queues": False, "default_queue": False}, is_own=True
    ),
}

_INSIGHTS = "there are no insights here; leave the policy out, and write a rule for Prometheus"
_SELECTION = "asset selections are not evaluated here; write asset_group_target or asset_key_target"

#: Official targets that are not offered, and what to do instead.
NOT_OFFERED: Mapping[str, str] = {
    "asset_selection_target": _SELECTION,
    "asset_selection_view_target": _SELECTION,
    "favorites_selection_view_target": _SELECTION,
    "credit_limit_target": _INSIGHTS,
    "insights_deployment_threshold_target": _INSIGHTS,
    "insights_asset_group_threshold_target": _INSIGHTS,
    "insights_asset_threshold_target": _INSIGHTS,
    "insights_job_threshold_target": _INSIGHTS,
    "metric_monitor_asset_selection_threshold_target": _INSIGHTS,
}


def made(kind: str, given: Mapping[str, Any]) -> Target:
    """A target from values whose forms are checked (``alert_documents``)."""
    locations = frozenset(given.get("location_names") or given.get("code_location_names") or ())
    match FORMS[kind].subject:
        case EventSubject.RUNS:
            return RunTarget(
                jobs=tuple(_thing(each, "job_name") for each in given.get("jobs") or ()),
                locations=locations,
                tags={each["key"]: each["value"] for each in given.get("tags") or ()},
                longer_than=given.get("threshold_seconds"),
            )
        case EventSubject.TICKS:
            every = given.get("schedules_or_sensors") or ()
            return AutomationTarget(
                named=tuple(_thing(each, "name") for each in every),
                locations=locations,
                kinds=frozenset(map(AutomationKind, given.get("types") or ())),
            )
        case EventSubject.LOCATIONS:
            return LocationTarget(locations=locations)
        case EventSubject.ASSETS:
            key = given.get("asset_key")
            return AssetTarget(
                key=None if key is None else tuple(key),
                group=given.get("asset_group"),
                location=given.get("location_name"),
                repository=given.get("repo_name"),
            )
        case EventSubject.AGENTS:
            queues = frozenset[str | None](given.get("queues") or ())
            return QueueTarget(queues=queues | ({None} if given.get("default_queue") else set()))


def _thing(given: Mapping[str, Any], name: str) -> NamedThing:
    return NamedThing(
        name=given[name],
        location=given.get("location_name") or given.get("code_location_name"),
        repository=given.get("repo_name") or given.get("repository_name"),
    )
