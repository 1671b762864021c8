"""Releases in the database: every method that changes one is a step of the release machine."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select, update

from dagstead.errors import ReleaseNotFoundError
from dagstead.model.retention import Retention
from dagstead.plane.clock import Clock
from dagstead.plane.organization import Organization
from dagstead.plane.release_lines import ReleaseLine
from dagstead.plane.release_machine.events import (
    Event,
    LoadFailure,
    LoadSuccess,
    LocationRemoval,
    ReleaseEnd,
    ReleaseStart,
    RollbackStart,
)
from dagstead.plane.release_machine.state import Changes
from dagstead.plane.release_retention import Rows
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
from dagstead.store.release_pruning import carry_out, plan_removal, read_rows
from dagstead.store.release_rows import as_lines, as_release, as_releases
from dagstead.store.release_steps import Step, part_rows, take_step
from dagstead.store.tables import release_parts, releases

#: How often the removal of old releases is planned, if they change meanwhile.
_PLANS = 3


@dataclass(frozen=True, slots=True)
class ReleaseStore:
    """Stores releases."""

    database: Database
    clock: Clock

    def begin(self, deployment: str, new: NewRelease) -> tuple[Release, frozenset[str | None]]:
        """Begin a release: agents load its locations, and the live versions serve meanwhile.

        It supersedes open releases of the same locations. Their other locations that are still open
        become part of the new one, since nobody deploys them again.

        Returns:
            The release, and the queues whose agents have to check the workspace.
        """
        return _begun(self._step(deployment, ReleaseStart(new=new)))

    def roll_back(
        self, deployment: str, start: RollbackStart
    ) -> tuple[Release, frozenset[str | None]] | None:
        """Begin a rollback, and end the open releases that it ends.

        Returns:
            As :meth:`begin`; ``None`` when the deployment has changed since it was planned.
        """
        step = self._step(deployment, start)
        return _begun(step) if step.changes.counted else None

    def set_loaded(self, deployment: str, name: str, *, deploy_id: str, manifest: str) -> Outcome:
        """Store uploaded definitions; they go live when those of the whole release have arrived.

        They do not count if the location was removed, or was deployed again since then.
        """
        event = LoadSuccess(name=name, deploy_id=deploy_id, manifest=manifest)
        return _outcome(self._step(deployment, event).changes)

    def set_failed(
        self, deployment: str, name: str, *, deploy_id: str | None, error: str
    ) -> Outcome:
        """Record that a location cannot be loaded: its release goes back to the live versions.

        Args:
            deployment: its name.
            name: the location's.
            deploy_id: the failed deploy; ``None`` when the agent did not report it (direct uploads
                of errors have no deploy data). Then the error counts for the newest deploy. If an
                older deploy was still loading when that began, the error may be about the older
                one, and the agent is asked once more.
            error: serialized ``SerializableErrorInfo``.
        """
        event = LoadFailure(name=name, deploy_id=deploy_id, error=error)
        return _outcome(self._step(deployment, event).changes)

    def end(self, deployment: str, number: int, reason: str) -> Outcome:
        """End a release that is still loading: its locations go back to their live versions.

        Args:
            deployment: its name.
            number: the release's.
            reason: why, as a sentence for people.

        Raises:
            ReleaseNotFoundError: when there is none of that number.
        """
        event = ReleaseEnd(number=number, reason=reason)
        with self.database.write() as connection:
            changes = take_step(connection, deployment, event, self.clock()).changes
            if not changes.counted:
                _get(connection, deployment, number)
        return _outcome(changes)

    def remove(self, deployment: str, name: str) -> Outcome:
        """Remove one location, also from a release that is loading it.

        Raises:
            LocationNotFoundError: when there is none of that name.
        """
        event = LocationRemoval(name=name)
        with self.database.write() as connection:
            changes = take_step(connection, deployment, event, self.clock()).changes
            if not changes.counted:
                raise no_such_location(connection, deployment, name)
        return _outcome(changes)

    def note_phase(self, deployment: str, names: Collection[str], phase: Phase) -> None:
        """Record the phase of locations that are loading; phases only go forward."""
        before = [str(earlier) for earlier in list(Phase)[: list(Phase).index(phase)]]
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
            return _get(connection, deployment, number)

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

    def lines(
        self,
        _of: Organization,
        deployments: Collection[str],
        *,
        limit: int,
        below: float | None = None,
    ) -> list[ReleaseLine]:
        """Releases of these deployments for a list, the newest first.

        Args:
            deployments: their names.
            limit: the most.
            below: only those that began before that time: the next page.
        """
        wanted = (
            select(releases)
            .where(releases.c.deployment.in_(deployments))
            .order_by(releases.c.created_at.desc(), releases.c.number.desc())
            .limit(limit)
        )
        if below is not None:
            wanted = wanted.where(releases.c.created_at < below)
        with self.database.read() as connection:
            rows = connection.execute(wanted).all()
            numbers = {row.number for row in rows}
            states = connection.execute(
                select(
                    release_parts.c.deployment,
                    release_parts.c.number,
                    release_parts.c.name,
                    release_parts.c.state,
                )
                .where(release_parts.c.deployment.in_({row.deployment for row in rows}))
                .where(release_parts.c.number.in_(numbers))
                .order_by(release_parts.c.name)
            ).all()
        return as_lines(rows, states)

    def documents(
        self, deployment: str, numbers: Collection[int], names: Collection[str]
    ) -> dict[tuple[int, str], Mapping[str, Any]]:
        """What some releases deployed, by their number and the name of the location."""
        with self.database.read() as connection:
            rows = connection.execute(
                select(release_parts.c.number, release_parts.c.name, release_parts.c.document)
                .where(release_parts.c.deployment == deployment)
                .where(release_parts.c.number.in_(numbers))
                .where(release_parts.c.name.in_(names))
            )
            return {(row.number, row.name): row.document for row in rows}

    def rows(self, deployment: str) -> Rows:
        """The locations and releases of a deployment."""
        return read_rows(self.database, deployment).rows

    def prune(self, deployment: str, retention: Retention) -> frozenset[int]:
        """Remove old releases that nothing needs; returns their numbers.

        Where a kept one names a removed one as the source of what was live, it gets a copy. Nothing
        is removed when the deployment changes again and again meanwhile.
        """
        for _ in range(_PLANS):
            stored = read_rows(self.database, deployment)
            plan = plan_removal(deployment, stored, retention, self.clock())
            if not plan.removed:
                break
            with self.database.write() as connection:
                if carry_out(connection, plan):
                    return plan.removed
        return frozenset()

    def open(self, _of: Organization) -> list[Release]:
        """Releases of all deployments that are loading."""
        loading = select(releases).where(releases.c.state == str(ReleaseState.LOADING))
        with self.database.read() as connection:
            return _with_parts(connection, connection.execute(loading).all())

    def _step(self, deployment: str, event: Event) -> Step:
        with self.database.write() as connection:
            return take_step(connection, deployment, event, self.clock())


def _get(connection: Connection, deployment: str, number: int) -> Release:
    row = connection.execute(
        select(releases)
        .where(releases.c.deployment == deployment)
        .where(releases.c.number == number)
    ).one_or_none()
    if row is None:
        raise ReleaseNotFoundError(_no_such(deployment, number))
    return as_release(row, part_rows(connection, deployment, [number]))


def _begun(step: Step) -> tuple[Release, frozenset[str | None]]:
    number = step.before.next_number
    release = next(release for release in step.changes.releases if release.number == number)
    return release, step.changes.queues


def _outcome(changes: Changes) -> Outcome:
    return Outcome(counted=changes.counted, queues=changes.queues)


def _with_parts(connection: Connection, rows: Iterable[Row[Any]]) -> list[Release]:
    every = list(rows)
    if not every:
        return []
    parts = connection.execute(
        select(release_parts)
        .where(release_parts.c.deployment.in_({row.deployment for row in every}))
        .where(release_parts.c.number.in_({row.number for row in every}))
        .order_by(release_parts.c.name)
    )
    return as_releases(every, parts)


def _no_such(deployment: str, number: int) -> str:
    return (
        f"Deployment {deployment!r} has no release {number}. "
        "See its releases with `dagstead release list`."
    )
