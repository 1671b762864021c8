"""Code locations in the database."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, case, delete, insert, null, select, update

from dagstead.errors import LocationNotFoundError
from dagstead.plane.clock import Clock
from dagstead.plane.locations import LoadState, Location, NewLocation
from dagstead.store.database import Database
from dagstead.store.tables import locations, workspace_versions


@dataclass(frozen=True, slots=True)
class Locations:
    """Deploy, load, find and remove locations. Every change raises the workspace version."""

    database: Database
    clock: Clock

    def deploy(
        self, deployment: str, new: Sequence[NewLocation], *, remove_others: bool = False
    ) -> list[Location]:
        """Put locations in, all or none; each is LOADING from now on.

        Args:
            deployment: its name.
            new: what to deploy; a name that exists is replaced and keeps its old definitions.
            remove_others: remove the locations that are not among ``new``, in the same
                transaction.
        """
        names = [each.name for each in new]
        with self.database.write() as connection:
            version = _next_version(connection, deployment)
            if remove_others:
                connection.execute(
                    delete(locations)
                    .where(locations.c.deployment == deployment)
                    .where(locations.c.name.not_in(names))
                )
            for each in new:
                self._put(connection, deployment, each, version)
        return [each for each in self.all(deployment) if each.name in set(names)]

    def reload(self, deployment: str, names: Sequence[str]) -> None:
        """Make locations LOADING again as they are deployed, for their agents to load anew."""
        with self.database.write() as connection:
            version = _next_version(connection, deployment)
            connection.execute(
                update(locations)
                .where(locations.c.deployment == deployment)
                .where(locations.c.name.in_(names))
                .values(
                    state=str(LoadState.LOADING),
                    timestamp=_next_timestamp(self.clock()),
                    updated_at=self.clock(),
                    version=version,
                )
            )

    def set_loaded(self, deployment: str, name: str, *, deploy_id: str, manifest: str) -> bool:
        """Let uploaded definitions serve, if they are of the newest deploy.

        Returns:
            False when the location is gone or has been deployed anew since.
        """
        return self._set_result(
            deployment,
            name,
            deploy_id,
            {
                "state": str(LoadState.LOADED),
                "manifest": manifest,
                "manifest_deploy_id": deploy_id,
                "error": null(),
            },
        )

    def set_failed(self, deployment: str, name: str, *, deploy_id: str | None, error: str) -> bool:
        """Record that a deploy cannot be loaded; the definitions before it keep serving.

        Args:
            deployment: its name.
            name: the location's.
            deploy_id: the failed deploy. ``None`` when the agent did not say (direct uploads of
                errors carry no deploy data): then it counts for the newest deploy, and a success
                of that one replaces it.
            error: serialized ``SerializableErrorInfo``.
        """
        return self._set_result(
            deployment, name, deploy_id, {"state": str(LoadState.FAILED), "error": error}
        )

    def remove(self, deployment: str, name: str) -> None:
        """Remove one location.

        Raises:
            LocationNotFoundError: when there is none of that name.
        """
        with self.database.write() as connection:
            _next_version(connection, deployment)
            gone = connection.execute(
                delete(locations)
                .where(locations.c.deployment == deployment)
                .where(locations.c.name == name)
            ).rowcount
        if not gone:
            raise LocationNotFoundError(self._no_such(deployment, name))

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
            raise LocationNotFoundError(self._no_such(deployment, name))
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

    def _put(self, connection: Connection, deployment: str, new: NewLocation, version: int) -> None:
        now = self.clock()
        values: dict[str, Any] = {
            "document": dict(new.document),
            "deploy_data": new.deploy_data,
            "deploy_id": new.deploy_id,
            "queue": new.queue if new.queue is not None else null(),
            "state": str(LoadState.LOADING),
            "error": null(),
            "updated_at": now,
            "version": version,
        }
        changed = connection.execute(
            update(locations)
            .where(locations.c.deployment == deployment)
            .where(locations.c.name == new.name)
            .values(timestamp=_next_timestamp(now), **values)
        ).rowcount
        if not changed:
            connection.execute(
                insert(locations).values(
                    deployment=deployment, name=new.name, timestamp=math.ceil(now), **values
                )
            )

    def _set_result(
        self, deployment: str, name: str, deploy_id: str | None, values: dict[str, Any]
    ) -> bool:
        with self.database.write() as connection:
            version = _next_version(connection, deployment)
            statement = (
                update(locations)
                .where(locations.c.deployment == deployment)
                .where(locations.c.name == name)
                .values(updated_at=self.clock(), version=version, **values)
            )
            if deploy_id is not None:
                statement = statement.where(locations.c.deploy_id == deploy_id)
            return bool(connection.execute(statement).rowcount)

    def _no_such(self, deployment: str, name: str) -> str:
        names: Iterable[str] = (each.name for each in self.all(deployment))
        return (
            f"Deployment {deployment!r} has no code location {name!r}. "
            f"It has: {', '.join(names) or 'none'}."
        )


def _next_timestamp(now: float) -> ColumnElement[float]:
    # The official PEX server handle keeps whole seconds of this time stamp: it must grow by one
    # at least, also for several deploys in the same second.
    second = float(math.ceil(now))
    after_last = locations.c.timestamp + 1
    return case((after_last > second, after_last), else_=second)


def _next_version(connection: Connection, deployment: str) -> int:
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
        error=row.error,
        updated_at=row.updated_at,
        version=row.version,
    )
