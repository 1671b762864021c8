"""A step of the release machine in the database: read rows, apply an event, write its changes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, delete, func, insert, select, update

from dagstead.errors import DeploymentNotFoundError
from dagstead.plane.locations import Location
from dagstead.plane.release_machine.events import Event
from dagstead.plane.release_machine.machine import advance
from dagstead.plane.release_machine.state import Changes, State, locations_needed
from dagstead.plane.releases import Release, ReleaseState
from dagstead.store.release_rows import (
    as_location,
    as_releases,
    location_values,
    part_values,
    release_values,
)
from dagstead.store.tables import locations, release_parts, releases, workspace_versions


@dataclass(frozen=True, slots=True)
class Step:
    """The state that an event found, and its changes."""

    before: State
    changes: Changes


def take_step(connection: Connection, deployment: str, event: Event, now: float) -> Step:
    """Apply an event to a deployment's releases and locations.

    Args:
        connection: in a transaction; the deployment is locked until its end.
        deployment: its name.
        event: the event.
        now: in seconds since the epoch.
    """
    before = _read(connection, deployment, event, now)
    changes = advance(before, event)
    _write(connection, before, changes)
    return Step(before, changes)


def part_rows(
    connection: Connection, deployment: str, numbers: Collection[int]
) -> Sequence[Row[Any]]:
    """The parts of some releases, by release and name."""
    return connection.execute(
        select(release_parts)
        .where(release_parts.c.deployment == deployment)
        .where(release_parts.c.number.in_(numbers))
        .order_by(release_parts.c.number, release_parts.c.name)
    ).all()


def _read(connection: Connection, deployment: str, event: Event, now: float) -> State:
    version = lock_deployment(connection, deployment)
    opened = _open_releases(connection, deployment)
    mine = select(locations).where(locations.c.deployment == deployment)
    needed = locations_needed(event, opened.values())
    if needed is not None:
        mine = mine.where(locations.c.name.in_(needed))
    last = select(func.max(releases.c.number)).where(releases.c.deployment == deployment)
    return State(
        deployment=deployment,
        now=now,
        version=version,
        next_number=(connection.execute(last).scalar_one() or 0) + 1,
        releases=opened,
        locations={row.name: as_location(row) for row in connection.execute(mine)},
    )


def lock_deployment(connection: Connection, deployment: str) -> int:
    """Raise the workspace version, which locks the deployment until the end of the transaction.

    Postgres locks the row, SQLite the whole database.
    """
    mine = workspace_versions.c.deployment == deployment
    connection.execute(
        update(workspace_versions).where(mine).values(version=workspace_versions.c.version + 1)
    )
    found: int | None = connection.execute(
        select(workspace_versions.c.version).where(mine)
    ).scalar_one_or_none()
    if found is None:
        raise DeploymentNotFoundError(f"Deployment {deployment!r} was deleted.")
    return found


def _open_releases(connection: Connection, deployment: str) -> dict[int, Release]:
    rows = connection.execute(
        select(releases)
        .where(releases.c.deployment == deployment)
        .where(releases.c.state == str(ReleaseState.LOADING))
        .order_by(releases.c.number)
    ).all()
    parts = part_rows(connection, deployment, [row.number for row in rows]) if rows else ()
    return {release.number: release for release in as_releases(rows, parts)}


def _write(connection: Connection, before: State, changes: Changes) -> None:
    for release in changes.releases:
        _write_release(connection, before.releases.get(release.number), release)
    for location in changes.locations:
        _write_location(connection, before.locations.get(location.name), location)
    if changes.removed:
        connection.execute(
            delete(locations)
            .where(locations.c.deployment == before.deployment)
            .where(locations.c.name.in_(changes.removed))
        )


def _write_release(connection: Connection, old: Release | None, new: Release) -> None:
    of_release = (releases.c.deployment == new.deployment) & (releases.c.number == new.number)
    before = None if old is None else release_values(old)
    _write_row(connection, releases, of_release, before, release_values(new))
    known = {} if old is None else {part.name: part for part in old.parts}
    for part in new.parts:
        known_part = known.get(part.name)
        if known_part is not part:
            of_part = (
                (release_parts.c.deployment == new.deployment)
                & (release_parts.c.number == new.number)
                & (release_parts.c.name == part.name)
            )
            before = None if known_part is None else part_values(new, known_part)
            _write_row(connection, release_parts, of_part, before, part_values(new, part))


def _write_location(connection: Connection, old: Location | None, new: Location) -> None:
    of_location = (locations.c.deployment == new.deployment) & (locations.c.name == new.name)
    before = None if old is None else location_values(old)
    _write_row(connection, locations, of_location, before, location_values(new))


def _write_row(
    connection: Connection,
    table: Table,
    row: ColumnElement[bool],
    before: dict[str, Any] | None,
    after: dict[str, Any],
) -> None:
    """Insert a row, or update what differs: phases, which are written without the lock, stay."""
    if before is None:
        connection.execute(insert(table).values(after))
        return
    changed = {name: value for name, value in after.items() if before[name] != value}
    if changed:
        connection.execute(update(table).where(row).values(changed))
