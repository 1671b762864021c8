"""What may happen to the releases and locations of a deployment."""

from __future__ import annotations

from dataclasses import dataclass

from dagstead.plane.releases import NewRelease


@dataclass(frozen=True, kw_only=True, slots=True)
class Begin:
    """Somebody begins a release."""

    new: NewRelease


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """An agent uploads the definitions of a location."""

    name: str
    deploy_id: str
    #: Packed, as :class:`dagstead.plane.locations.Location` has it.
    manifest: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Failed:
    """An agent reports that a location cannot be loaded."""

    name: str
    #: ``None`` when the agent did not say of which deploy.
    deploy_id: str | None
    #: A serialized ``SerializableErrorInfo``.
    error: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """A person, or the watch over what is overdue, ends a release that is loading."""

    number: int
    #: Why, as a sentence for people.
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Removed:
    """A person removes a location, outside any release."""

    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Reloaded:
    """A person asks agents to load locations anew, as they are deployed."""

    names: frozenset[str]


Event = Begin | Loaded | Failed | Ended | Removed | Reloaded


def names_in(event: Event) -> frozenset[str]:
    """The locations that an event names itself; those of releases come on top."""
    match event:
        case Begin(new=new):
            return frozenset(each.name for each in new.locations) | frozenset(new.removes)
        case Loaded(name=name) | Failed(name=name) | Removed(name=name):
            return frozenset({name})
        case Ended():
            return frozenset()
        case Reloaded(names=names):
            return names
