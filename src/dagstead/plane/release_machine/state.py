"""What the release machine reads, and what it says is to be changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dagstead.plane.locations import Location
from dagstead.plane.releases import Release


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """The rows of a deployment that matter to an event, read under the deployment's lock."""

    deployment: str
    #: In seconds since the epoch.
    now: float
    #: The workspace version that changed locations get.
    version: int
    #: The number that the next release gets.
    next_number: int
    #: All that are open.
    releases: Mapping[int, Release] = field(default_factory=dict)
    #: All of the deployment; when no release is open or begins, those that the event names suffice.
    locations: Mapping[str, Location] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Changes:
    """What an event changes."""

    #: Whether the event counted: a late result of an older deploy, for one, does not.
    counted: bool
    #: Queues whose agents have to look at the workspace again; ``None`` is the default queue.
    queues: frozenset[str | None] = frozenset()
    #: Those that are new or changed, as they stand now, with all their parts.
    releases: tuple[Release, ...] = ()
    #: Those that are new or changed, as they stand now.
    locations: tuple[Location, ...] = ()
    #: Names of locations that are gone.
    removed: frozenset[str] = frozenset()
