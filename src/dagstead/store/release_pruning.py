"""Removes old releases from the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, select, update

from dagstead.model.retention import Retention
from dagstead.plane.release_retention import Rows, made_whole, releases_kept
from dagstead.plane.releases import Release
from dagstead.store.database import Database
from dagstead.store.release_rows import as_location, as_releases, release_values
from dagstead.store.release_steps import lock_deployment
from dagstead.store.tables import locations, release_parts, releases, workspace_versions


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredRows:
    """A deployment's rows, and the version of its workspace that they are at least of."""

    version: int
    rows: Rows


def read_rows(database: Database, deployment: str) -> StoredRows:
    """Read the locations and releases of a deployment."""
    of_version = select(workspace_versions.c.version).where(
        workspace_versions.c.deployment == deployment
    )
    of_locations = select(locations).where(locations.c.deployment == deployment)
    of_releases = select(releases).where(releases.c.deployment == deployment)
    of_parts = select(release_parts).where(release_parts.c.deployment == deployment)
    with database.read() as connection:
        version = connection.execute(of_version).scalar_one_or_none()
        found_locations = connection.execute(of_locations).all()
        found_releases = connection.execute(of_releases.order_by(releases.c.number)).all()
        found_parts = connection.execute(of_parts.order_by(release_parts.c.name)).all()
    # Thousands of them take seconds, and Postgres ends a transaction that says nothing for long.
    return StoredRows(
        version=version or 0,
        rows=Rows(
            locations=[as_location(row) for row in found_locations],
            releases=as_releases(found_releases, found_parts),
        ),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class RemovalPlan:
    """The removal of a deployment's old releases, as planned."""

    deployment: str
    #: Of the workspace; the plan counts only while it is the same.
    version: int
    #: The numbers of the releases that are not kept.
    removed: frozenset[int]
    #: Kept releases that named a removed one.
    changed: Sequence[Release]


def plan_removal(
    deployment: str, stored: StoredRows, retention: Retention, now: float
) -> RemovalPlan:
    """Find the releases that are not kept."""
    every = stored.rows.releases
    kept = releases_kept(stored.rows, retention, now)
    removed = frozenset(each.number for each in every if each.number not in kept)
    return RemovalPlan(
        deployment=deployment,
        version=stored.version,
        removed=removed,
        changed=made_whole(every, removed) if removed else (),
    )


def carry_out(connection: Connection, plan: RemovalPlan) -> bool:
    """Remove releases as planned; whether it was done, as nothing had changed since.

    Args:
        connection: in a transaction; the deployment is locked until its end.
        plan: made before.
    """
    if lock_deployment(connection, plan.deployment) != plan.version + 1:
        return False
    of_deployment = releases.c.deployment == plan.deployment
    for release in plan.changed:
        values = release_values(release)
        connection.execute(
            update(releases)
            .where(of_deployment & (releases.c.number == release.number))
            .values(live=values["live"], before=values["before"])
        )
    connection.execute(
        delete(releases).where(of_deployment & (releases.c.number == bindparam("removed"))),
        [{"removed": number} for number in sorted(plan.removed)],
    )
    return True
