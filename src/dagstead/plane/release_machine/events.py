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


@dataclass(frozen=True, kw_only=True, slots=True)
class HealingTry:
    """The control plane has agents load a location anew that is in error."""

    name: str
    #: The version that was judged; a later one may be well.
    version: int
    #: Why, where its agent has not reported an error for this version.
    reason: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CallRefusal:
    """An agent could not pass a call on to the code server of a location."""

    name: str
    #: The version that was called.
    version: int
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CallSuccess:
    """A code server has answered, of which a call before was refused."""

    name: str


HealthEvent = HealingTry | CallRefusal | CallSuccess
Event = (
    ReleaseStart
    | RollbackStart
    | LoadSuccess
    | LoadFailure
    | ReleaseEnd
    | LocationRemoval
    | LocationReload
    | HealthEvent
)


def names_in(event: Event) -> frozenset[str]:
    """The locations that an event names itself, without those of open releases."""
    match event:
        case ReleaseStart(new=new) | RollbackStart(new=new):
            return frozenset(location.name for location in new.locations) | frozenset(new.removes)
        case LoadSuccess(name=name) | LoadFailure(name=name) | LocationRemoval(name=name):
            return frozenset({name})
        case HealingTry(name=name) | CallRefusal(name=name) | CallSuccess(name=name):
            return frozenset({name})
        case ReleaseEnd():
            return frozenset()
        case LocationReload(names=names):
            return names
