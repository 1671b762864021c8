"""The events that change the releases and locations of a deployment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dagstead.plane.releases import NewRelease


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseStart:
    """A user begins a release."""

    new: NewRelease


@dataclass(frozen=True, kw_only=True, slots=True)
class RollbackStart:
    """A user begins a release that brings back earlier versions.

    It does not count if the deployment has changed since the rollback was planned.
    """

    new: NewRelease
    #: The open releases that it ends: at least those that load one of its locations.
    ends: frozenset[int]
    #: The deploy that is live of every location that the plan looked at, ``None`` where none is.
    live: Mapping[str, str | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadSuccess:
    """An agent uploads the definitions of a location."""

    name: str
    deploy_id: str
    #: Packed, as :class:`dagstead.plane.locations.Location` has it.
    manifest: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadFailure:
    """An agent reports that a location cannot be loaded."""

    name: str
    #: The deploy that failed; ``None`` when the agent did not report it.
    deploy_id: str | None
    #: A serialized ``SerializableErrorInfo``.
    error: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ReleaseEnd:
    """A user, or the watch over overdue releases, ends a release that is loading."""

    number: int
    #: Why, as a sentence for people.
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LocationRemoval:
    """A user removes a location, outside any release."""

    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LocationReload:
    """A user has agents load locations again, as they are deployed."""

    names: frozenset[str]


Event = (
    ReleaseStart
    | RollbackStart
    | LoadSuccess
    | LoadFailure
    | ReleaseEnd
    | LocationRemoval
    | LocationReload
)


def names_in(event: Event) -> frozenset[str]:
    """The locations that an event names itself, without those of open releases."""
    match event:
        case ReleaseStart(new=new) | RollbackStart(new=new):
            return frozenset(location.name for location in new.locations) | frozenset(new.removes)
        case LoadSuccess(name=name) | LoadFailure(name=name) | LocationRemoval(name=name):
            return frozenset({name})
        case ReleaseEnd():
            return frozenset()
        case LocationReload(names=names):
            return names
