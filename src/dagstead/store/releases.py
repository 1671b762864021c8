"""Releases in the database: begun, loaded by agents, then live together or back together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select, update

from dagstead.errors import LocationNotFoundError, ReleaseNotFoundError
from dagstead.plane.clock import Clock
from dagstead.plane.locations import LoadState
from dagstead.plane.releases import (
    NewRelease,
    Outcome,
    PartState,
    Phase,
    Release,
    ReleaseState,
)
from dagstead.store.database import Database
from dagstead.store.locations import no_such_location
from dagstead.store.release_change import Change
from dagstead.store.release_rows import as_release, part_rows, release_row
from dagstead.store.tables import release_parts, releases

_IGNORED = Outcome(counted=False)


@dataclass(frozen=True, slots=True)
class Releases:
    """Begin, end and find releases."""

    database: Database
    clock: Clock

    def begin(self, deployment: str, new: NewRelease) -> tuple[Release, frozenset[str | None]]:
        """Give agents the locations of a release to load; what is live serves until they have.

        An open release of one of these locations is superseded. Its other locations, of which the
        outcome is open, become part of the new one: nobody deploys them again.

        Returns:
            The release, and the queues whose agents have to look.
        """
        with self.database.write() as connection:
            change = Change(connection, deployment, self.clock())
            number = change.begin(new)
            change.finish(number)
        return self.get(deployment, number), frozenset(change.queues)

    def set_loaded(self, deployment: str, name: str, *, deploy_id: str, manifest: str) -> Outcome:
        """Take in uploaded definitions; they go live when those of the whole release are there.

        They do not count when the location is gone, or was deployed anew since.
        """
        with self.database.write() as connection:
            change = Change(connection, deployment, self.clock())
            row = change.location(name, deploy_id)
            if row is None:
                return _IGNORED
            if row.open_release is None:
                change.reloaded(row, manifest)
            else:
                change.loaded(row, manifest)
                change.finish(row.open_release)
        return Outcome(counted=True, queues=frozenset(change.queues))

    def set_failed(
        self, deployment: str, name: str, *, deploy_id: str | None, error: str
    ) -> Outcome:
        """Record that a location cannot be loaded: its release goes back to what is live.

        Args:
            deployment: its name.
            name: the location's.
            deploy_id: the failed deploy; ``None`` when the agent did not say (direct uploads of
                errors carry no deploy data). Then it counts for the newest deploy, unless another
                one was under way when that began: its error could be the other's, and the agent
                is asked once more.
            error: serialized ``SerializableErrorInfo``.
        """
        with self.database.write() as connection:
            change = Change(connection, deployment, self.clock())
            row = change.location(name, deploy_id)
            if row is None:
                return _IGNORED
            if row.open_release is None:
                change.update(name, state=str(LoadState.FAILED), error=error)
            elif deploy_id is None and change.clear_doubt(row):
                return Outcome(counted=False, queues=frozenset({row.queue}))
            else:
                change.failed(row, error)
                change.finish(row.open_release)
        return Outcome(counted=True, queues=frozenset(change.queues))

    def end(self, deployment: str, number: int, reason: str) -> Outcome:
        """End a release that is still loading: its locations go back to what is live.

        Args:
            deployment: its name.
            number: the release's.
            reason: why, as a sentence for people.

        Raises:
            ReleaseNotFoundError: when there is none of that number.
        """
        with self.database.write() as connection:
            change = Change(connection, deployment, self.clock())
            row = release_row(connection, deployment, number)
            if row is None:
                raise ReleaseNotFoundError(_no_such(deployment, number))
            if not ReleaseState(row.state).is_open:
                return _IGNORED
            change.back(number, failed=())
            change.finish(number, reason=reason)
        return Outcome(counted=True, queues=frozenset(change.queues))

    def remove(self, deployment: str, name: str) -> Outcome:
        """Remove one location, also from a release that is loading it.

        Raises:
            LocationNotFoundError: when there is none of that name.
        """
        with self.database.write() as connection:
            change = Change(connection, deployment, self.clock())
            row = change.location(name)
            if row is None:
                names = ", ".join(change.names()) or "none"
                raise LocationNotFoundError(no_such_location(deployment, name, names))
            change.remove(row)
            if row.open_release is not None:
                change.finish(row.open_release)
        return Outcome(counted=True, queues=frozenset(change.queues))

    def note_phase(self, deployment: str, names: Collection[str], phase: Phase) -> None:
        """Note what was seen of locations that are loading; phases only go forward."""
        before = [str(each) for each in list(Phase)[: list(Phase).index(phase)]]
        with self.database.write() as connection:
            connection.execute(
                update(release_parts)
                .where(release_parts.c.deployment == deployment)
                .where(release_parts.c.name.in_(names))
                .where(release_parts.c.state == str(PartState.LOADING))
                .where(release_parts.c.phase.in_(before))
                .values(phase=str(phase))
            )

    def get(self, deployment: str, number: int) -> Release:
        """One release.

        Raises:
            ReleaseNotFoundError: when there is none of that number.
        """
        with self.database.read() as connection:
            row = release_row(connection, deployment, number)
            if row is None:
                raise ReleaseNotFoundError(_no_such(deployment, number))
            return as_release(row, part_rows(connection, deployment, number))

    def all(self, deployment: str, *, limit: int | None = None) -> list[Release]:
        """Releases of a deployment, the newest first."""
        newest = (
            select(releases)
            .where(releases.c.deployment == deployment)
            .order_by(releases.c.number.desc())
            .limit(limit)
        )
        with self.database.read() as connection:
            rows = connection.execute(newest).all()
            return _with_parts(connection, rows)

    def open(self) -> list[Release]:
        """Releases of all deployments that are loading."""
        loading = select(releases).where(releases.c.state == str(ReleaseState.LOADING))
        with self.database.read() as connection:
            return _with_parts(connection, connection.execute(loading).all())


def _with_parts(connection: Connection, rows: Iterable[Row[Any]]) -> list[Release]:
    every = list(rows)
    wanted: dict[tuple[str, int], list[Row[Any]]] = defaultdict(list)
    if every:
        found = connection.execute(
            select(release_parts)
            .where(release_parts.c.deployment.in_({row.deployment for row in every}))
            .where(release_parts.c.number.in_({row.number for row in every}))
            .order_by(release_parts.c.name)
        )
        for part in found:
            wanted[part.deployment, part.number].append(part)
    return [as_release(row, wanted[row.deployment, row.number]) for row in every]


def _no_such(deployment: str, number: int) -> str:
    return (
        f"Deployment {deployment!r} has no release {number}. "
        "See its releases with `dagstead releases list`."
    )
