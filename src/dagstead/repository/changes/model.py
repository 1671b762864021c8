"""The answer: which locations are touched, and why."""

from __future__ import annotations

from dataclasses import dataclass

from dagstead.model.location import Location
from dagstead.model.source import Position
from dagstead.repository.changes.git import Change
from dagstead.repository.changes.parts import Hop
from dagstead.repository.files.project import Project


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangeReason:
    """Changed paths, and the chain that led from the location to them."""

    #: Relative to the top of the repository. Empty for a configuration entry, whose only hop has
    #: the place.
    changes: tuple[Change, ...]
    #: From the path back to the location.
    chain: tuple[Hop, ...]
    #: What has changed there, where a path alone does not show it.
    remark: str = ""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TouchedLocation:
    """A location that a change touches."""

    location: Location
    #: At least one.
    reasons: tuple[ChangeReason, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class RemovedLocation:
    """A location that is no longer defined."""

    name: str
    #: Where it was defined, relative to the root of the project as it was.
    position: Position


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Changes:
    """What differs between a base and the present."""

    project: Project
    #: The root of the project, relative to the top of the repository; empty for the top itself.
    prefix: str
    #: The commit or tree that was compared with.
    base: str
    #: Every path that differs.
    changes: tuple[Change, ...]
    #: In the order of the project's locations.
    touched: tuple[TouchedLocation, ...]
    gone: tuple[RemovedLocation, ...]
    #: Changed paths of the project that belong to no location, as far as files show.
    elsewhere: tuple[Change, ...]
    #: What a person should know about the answer, as sentences.
    remarks: tuple[str, ...] = ()
