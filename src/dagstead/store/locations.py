"""Code locations in the database."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, case, null, select, update

from dagstead.errors import LocationNotFoundError
from dagstead.plane.clock import Clock
from dagstead.plane.locations import LoadState, Location
from dagstead.store.database import Database
from dagstead.store.tables import locations, workspace_versions


@dataclass(frozen=True, slots=True)
class Locations:
    """Find and reload locations; releases deploy and remove them (:mod:`dagstead.store.releases`).

    Every change raises the workspace version.
    """

    database: Database
    clock: Clock

    def reload(self, deployment: str, names: Sequence[str]) -> None:
        """Make locations LOADING again as they are deployed, for their agents to load anew."""
        with self.database.write() as connection:
            version = next_version(connection, deployment)
            connection.execute(
                update(locations)
                .where(locations.c.deployment == deployment)
                .where(locations.c.name.in_(names))
                .values(
                    state=str(LoadState.LOADING),
                    error=null(),
                    notice=null(),
                    timestamp=next_timestamp(self.clock()),
                    updated_at=self.clock(),
                    version=version,
                )
            )

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
            names = ", ".join(each.name for each in self.all(deployment)) or "none"
            raise LocationNotFoundError(no_such_location(deployment, name, names))
        return _location(row)

    def all(self, deployment: str) -> list[Location]:
        """All locations of a deployment, by name."""
        with self.database.read() as connection:
            rows = connection.execute(
                select(locations)
                .where(locations.c.deployment == deployment)
                .order_by(locations.c.name)
            ).all()
        return [_location(row) for row in rows]

    def version(self, deployment: str) -> int:
        """The workspace version: it changes when any location of the deployment does."""
        with self.database.read() as connection:
            found = connection.execute(
                select(workspace_versions.c.version).where(
                    workspace_versions.c.deployment == deployment
                )
            ).scalar_one_or_none()
        return found or 0


def no_such_location(deployment: str, name: str, names: str) -> str:
    """The sentence for a location that is not there; ``names`` are those that are."""
    return f"Deployment {deployment!r} has no code location {name!r}. It has: {names}."


def next_timestamp(now: float) -> ColumnElement[float]:
    """A time stamp for a location's row that is newer than the one it has."""
    # The official PEX server handle keeps whole seconds of this time stamp: it must grow by one
    # at least, also for several deploys in the same second.
    second = float(math.ceil(now))
    after_last = locations.c.timestamp + 1
    return case((after_last > second, after_last), else_=second)


def next_version(connection: Connection, deployment: str) -> int:
    """Raise the workspace version; whoever has done so is alone with the deployment until the end.

    Both databases lock the row, or all, for the transaction.
    """
    connection.execute(
        update(workspace_versions)
        .where(workspace_versions.c.deployment == deployment)
        .values(version=workspace_versions.c.version + 1)
    )
    version: int = connection.execute(
        select(workspace_versions.c.version).where(workspace_versions.c.deployment == deployment)
    ).scalar_one()
    return version


def _location(row: Row[Any]) -> Location:
    return Location(
        deployment=row.deployment,
        name=row.name,
        document=row.document,
        deploy_data=row.deploy_data,
        deploy_id=row.deploy_id,
        queue=row.queue,
        state=LoadState(row.state),
        timestamp=row.timestamp,
        manifest=row.manifest,
        manifest_deploy_id=row.manifest_deploy_id,
        live_document=row.live["document"] if row.live else None,
        release=row.release,
        open_release=row.open_release,
        error=row.error,
        notice=row.notice,
        updated_at=row.updated_at,
        version=row.version,
    )
