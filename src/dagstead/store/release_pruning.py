"""Removes old releases from the database."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select, update

from dagstead.model.retention import Retention
from dagstead.plane.release_retention import Rows, made_whole, releases_kept
from dagstead.store.release_rows import as_location, as_release, release_values
from dagstead.store.release_steps import lock_deployment
from dagstead.store.tables import locations, release_parts, releases


def rows_of(connection: Connection, deployment: str) -> Rows:
    """The locations and releases of a deployment."""
    of_locations = select(locations).where(locations.c.deployment == deployment)
    of_releases = select(releases).where(releases.c.deployment == deployment)
    of_parts = select(release_parts).where(release_parts.c.deployment == deployment)
    parts = connection.execute(of_parts.order_by(release_parts.c.name)).all()
    return Rows(
        locations=[as_location(row) for row in connection.execute(of_locations)],
        releases=[
            as_release(row, [part for part in parts if part.number == row.number])
            for row in connection.execute(of_releases.order_by(releases.c.number))
        ],
    )


def prunable(rows: Rows, retention: Retention, now: float) -> frozenset[int]:
    """The numbers of the releases that are not kept."""
    kept = releases_kept(rows, retention, now)
    return frozenset(release.number for release in rows.releases if release.number not in kept)


def prune_releases(
    connection: Connection, deployment: str, retention: Retention, now: float
) -> frozenset[int]:
    """Remove the releases that are not kept; returns their numbers.

    Args:
        connection: in a transaction; the deployment is locked until its end.
        deployment: its name.
        retention: what is kept.
        now: in seconds since 1970.
    """
    lock_deployment(connection, deployment)
    rows = rows_of(connection, deployment)
    removed = prunable(rows, retention, now)
    of_deployment = releases.c.deployment == deployment
    for release in made_whole(rows.releases, removed):
        values = release_values(release)
        connection.execute(
            update(releases)
            .where(of_deployment & (releases.c.number == release.number))
            .values(live=values["live"], before=values["before"])
        )
    connection.execute(delete(releases).where(of_deployment & releases.c.number.in_(removed)))
    return removed
