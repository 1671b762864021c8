"""A deployment's releases and locations in memory, changed by the release machine alone."""

from __future__ import annotations

from dataclasses import dataclass, field

from dagstead.plane.locations import Deploy, Location
from dagstead.plane.release_machine.events import Event
from dagstead.plane.release_machine.machine import advance
from dagstead.plane.release_machine.state import Changes, State, locations_needed
from dagstead.plane.releases import Release, Source
from dagstead.plane.rollbacks import History


@dataclass(slots=True)
class World:
    """What a database holds of the deployment ``prod``."""

    now: float = 1_000_000.0
    version: int = 0
    locations: dict[str, Location] = field(default_factory=dict)
    releases: dict[int, Release] = field(default_factory=dict)

    def happen(self, event: Event) -> Changes:
        """Let an event happen."""
        self.version += 1
        changes = advance(self._state(event), event)
        self.releases |= {each.number: each for each in changes.releases}
        self.locations |= {each.name: each for each in changes.locations}
        for name in changes.removed:
            del self.locations[name]
        return changes

    def open(self) -> list[Release]:
        """The releases that are loading, by number."""
        return [each for _, each in sorted(self.releases.items()) if each.state.is_open]

    def serving(self) -> dict[str, str]:
        """The deploy whose definitions serve, by location."""
        rows = self.locations.values()
        return {each.name: each.manifest_deploy_id for each in rows if each.manifest_deploy_id}

    def live_after(self, release: Release) -> dict[str, str]:
        """The deploy that was live after a release, by location, as it is recorded."""
        recorded = release.live or {}
        return {name: self.deploy_id(name, each) for name, each in recorded.items()}

    def deploy_id(self, name: str, source: Source) -> str:
        """The deploy of a location that a source stands for."""
        if isinstance(source, Deploy):
            return source.deploy_id
        return next(each.deploy_id for each in self.releases[source].parts if each.name == name)

    def history(self) -> History:
        """What rollbacks are planned in."""
        return History(self.locations.values(), self.releases.values())

    def _state(self, event: Event) -> State:
        """No more than the machine asks for."""
        opened = {each.number: each for each in self.open()}
        needed = locations_needed(event, opened.values())
        return State(
            deployment="prod",
            now=self.now,
            version=self.version,
            next_number=max(self.releases, default=0) + 1,
            releases=opened,
            locations={
                name: each
                for name, each in self.locations.items()
                if needed is None or name in needed
            },
        )
