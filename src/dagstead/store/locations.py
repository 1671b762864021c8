"""Code locations in the database."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from dagstead.errors import LocationNotFoundError
from dagstead.plane.clock import Clock
from dagstead.plane.locations import Location
from dagstead.plane.organization import Organization
from dagstead.plane.release_machine.events import HealthEvent, LocationReload
from dagstead.plane.releases import Outcome
from dagstead.store.database import Database
from dagstead.store.release_rows import as_location
from dagstead.store.release_steps import take_step
from dagstead.store.tables import locations, workspace_versions


@dataclass(frozen=True, slots=True)
class LocationStore:
    """Reads and reloads locations; :mod:`dagstead.store.releases` deploys and removes them.

    Every change raises the workspace version.
    """

    database: Database
    clock: Clock

    def reload(self, deployment: str, names: Sequence[str]) -> None:
        """Set locations to LOADING, so that their agents load them again."""
        with self.database.write() as connection:
            take_step(connection, deployment, LocationReload(names=frozenset(names)), self.clock())

    def apply(self, deployment: str, event: HealthEvent) -> Outcome:
        """Take a step that no release is waiting for."""
        with self.database.write() as connection:
            changes = take_step(connection, deployment, event, self.clock()).changes
        return Outcome(counted=changes.counted, queues=changes.queues)

    def get(self, deployment: str, name: str) -> Location:
        """One location.

        Raises:
            LocationNotFoundError: with the names that exist.
        """
        with self.database.read() as connection:
            row = connection.execute(
                select(locations)
                .where(locations.c.deployment == deployment)
                .where(locations.c.name == name)
            ).one_or_none()
            if row is None:
                raise no_such_location(connection, deployment, name)
        return as_location(row)

    def all(self, deployment: str) -> list[Location]:
        """All locations of a deployment, by name."""
        with self.database.read() as connection:
            rows = connection.execute(
                select(locations)
                .where(locations.c.deployment == deployment)
                .order_by(locations.c.name)
            ).all()
        return [as_location(row) for row in rows]

    def everywhere(self, _of: Organization, deployments: Collection[str]) -> list[Location]:
        """All locations of these deployments, by deployment and name."""
        with self.database.read() as connection:
            rows = connection.execute(
                select(locations)
                .where(locations.c.deployment.in_(deployments))
                .order_by(locations.c.deployment, locations.c.name)
            ).all()
        return [as_location(row) for row in rows]

    def deployments(self, _of: Organization) -> frozenset[str]:
        """The names of the deployments that have locations."""
        with self.database.read() as connection:
            found = connection.execute(select(locations.c.deployment).distinct())
            return frozenset(found.scalars())

    def version(self, deployment: str) -> int:
        """The workspace version: it changes when any location of the deployment does."""
        with self.database.read() as connection:
            found = connection.execute(
                select(workspace_versions.c.version).where(
                    workspace_versions.c.deployment == deployment
                )
            ).scalar_one_or_none()
        return found or 0


def no_such_location(connection: Connection, deployment: str, name: str) -> LocationNotFoundError:
    """The error for a location that does not exist, with the names of those that do."""
    mine = select(locations.c.name).where(locations.c.deployment == deployment)
    names = ", ".join(connection.execute(mine.order_by(locations.c.name)).scalars()) or "none"
    return LocationNotFoundError(
        f"Deployment {deployment!r} has no code location {name!r}. It has: {names}."
    )
