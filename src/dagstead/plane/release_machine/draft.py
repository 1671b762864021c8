"""The changes of one event, while they are made."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from dagstead.plane.locations import Location
from dagstead.plane.release_machine.state import Changes, State
from dagstead.plane.releases import Part, Release, ReleaseState, Source


@dataclass(slots=True)
class Draft:
    """A copy of the state that a single call of the machine works on."""

    state: State
    #: Their parts are in ``parts``.
    releases: dict[int, Release] = field(init=False)
    parts: dict[int, dict[str, Part]] = field(init=False)
    locations: dict[str, Location] = field(init=False)
    queues: set[str | None] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.releases = dict(self.state.releases)
        self.parts = {
            number: {part.name: part for part in release.parts}
            for number, release in self.releases.items()
        }
        self.locations = dict(self.state.locations)

    def find(self, name: str, deploy_id: str | None) -> Location | None:
        """A location, if agents are to run that deploy of it; ``None`` is any deploy."""
        found = self.locations.get(name)
        return found if found is None or deploy_id in {None, found.deploy_id} else None

    def put(self, location: Location, **values: Any) -> None:
        """Store a location with some of its values changed."""
        self.locations[location.name] = replace(
            location, **values, updated_at=self.state.now, version=self.state.version
        )

    def remove(self, name: str) -> None:
        """Remove a location."""
        self.queues.add(self.locations.pop(name).queue)

    def next_timestamp(self, location: Location | None) -> float:
        """A new time stamp for a location, later than its current one."""
        # The official PEX server handle keeps whole seconds of this time stamp. It must grow by at
        # least one, even for several deploys in the same second.
        second = float(math.ceil(self.state.now))
        return second if location is None else max(location.timestamp + 1, second)

    def deployed_since(self, name: str, release: Release) -> bool:
        """Whether a location was deployed by a release, or after it began."""
        found = self.locations.get(name)
        if found is None:
            return False
        return found.open_release is not None or (found.release or 0) >= release.number

    def is_live(self, name: str, deploy_id: str | None) -> bool:
        """Whether this deploy of a location is live; ``None`` is none."""
        found = self.locations.get(name)
        live = None if found is None else found.live
        return (None if live is None else live.deploy_id) == deploy_id

    def note_before(self, number: int, name: str) -> None:
        """Record what a location serves, right before a release changes that."""
        release = self.releases[number]
        if release.before is not None:
            before = {**release.before, name: self.locations[name].source}
            self.releases[number] = replace(release, before=before)

    def open_parts(self, number: int) -> list[Part]:
        """The parts of a release whose outcome is open, by name."""
        return [part for _, part in sorted(self.parts[number].items()) if part.is_open]

    def end(self, number: int, state: ReleaseState, reason: str | None) -> None:
        """End a release, and record what is live then."""
        self.releases[number] = replace(
            self.releases[number],
            state=state,
            reason=reason,
            ended_at=self.state.now,
            live=dict(self._live()),
        )

    def changes(self, *, counted: bool) -> Changes:
        """All changes; a release whose part changed is included with all its parts."""
        return Changes(
            counted=counted,
            queues=frozenset(self.queues),
            releases=tuple(filter(None, map(self._changed_release, self.releases))),
            locations=tuple(
                location
                for name, location in self.locations.items()
                if location is not self.state.locations.get(name)
            ),
            removed=frozenset(self.state.locations.keys() - self.locations.keys()),
        )

    def _changed_release(self, number: int) -> Release | None:
        old, new = self.state.releases.get(number), self.releases[number]
        parts = tuple(part for _, part in sorted(self.parts[number].items()))
        if old is new and all(map(operator.is_, old.parts, parts)):
            return None
        return replace(new, parts=parts)

    def _live(self) -> Iterator[tuple[str, Source]]:
        for name, location in sorted(self.locations.items()):
            if location.source is not None:
                yield name, location.source
