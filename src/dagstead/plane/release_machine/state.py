"""What the release machine reads, and the changes that it returns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

from dagstead.plane.locations import Location
from dagstead.plane.release_machine.events import (
    Event,
    LoadSuccess,
    ReleaseEnd,
    ReleaseStart,
    RollbackStart,
    names_in,
)
from dagstead.plane.releases import PartState, Release


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """The rows of a deployment that an event may change, read under the deployment's lock."""

    deployment: str
    #: In seconds since the epoch.
    now: float
    #: The workspace version that changed locations get.
    version: int
    #: The number that the next release gets.
    next_number: int
    #: All open releases.
    releases: Mapping[int, Release] = field(default_factory=dict)
    #: Those that :func:`locations_needed` names.
    locations: Mapping[str, Location] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Changes:
    """The changes of an event."""

    #: Whether the event counted. A late result of an older deploy, for example, does not.
    counted: bool
    #: Queues whose agents have to check the workspace again; ``None`` is the default queue.
    queues: frozenset[str | None] = frozenset()
    #: New and changed ones, in their new state and with all their parts.
    releases: tuple[Release, ...] = ()
    #: New and changed ones, in their new state.
    locations: tuple[Location, ...] = ()
    #: The names of removed locations.
    removed: frozenset[str] = frozenset()


def locations_needed(event: Event, releases: Iterable[Release]) -> frozenset[str] | None:
    """The locations that the machine needs for an event; ``None`` is all of the deployment.

    It needs all when a release may end, since the end records what is live.

    Args:
        event: the event.
        releases: the open releases.
    """
    names = names_in(event)
    match event:
        case ReleaseStart() | RollbackStart() | ReleaseEnd():
            return None
        case LoadSuccess():
            alone = all(map(partial(_waits_for_others, names), releases))
        case _:
            alone = not any(_is_open_in(names, release) for release in releases)
    return names if alone else None


def _waits_for_others(names: frozenset[str], release: Release) -> bool:
    loading = {part.name for part in release.parts if part.state is PartState.LOADING}
    return not _is_open_in(names, release) or bool(loading - names)


def _is_open_in(names: frozenset[str], release: Release) -> bool:
    return any(part.is_open and part.name in names for part in release.parts)
