"""Deployments in the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, null, select, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import IntegrityError

from dagstead.errors import ConflictError, DeploymentNotFoundError, LastDeploymentError
from dagstead.plane.clock import Clock
from dagstead.plane.deployments import (
    Branch,
    Deployment,
    DeploymentKind,
    branch_deployment_name,
)
from dagstead.plane.names import check_deployment_name
from dagstead.plane.organization import Organization
from dagstead.plane.projects import Project
from dagstead.store.database import Database
from dagstead.store.tables import deletions, deployments, properties, workspace_versions, writes

_NAMED = select(deployments).where(deployments.c.name == bindparam("name"))
#: The property with the highest id that a deployment ever had.
_HIGHEST = "highest_deployment_id"


@dataclass(frozen=True, slots=True)
class DeploymentStore:
    """Stores deployments."""

    database: Database
    clock: Clock

    def create(self, name: str) -> Deployment:
        """Make a full deployment.

        Raises:
            ConflictError: when there is one of that name.
            InvalidInputError: when the name cannot be used.
        """
        return self._insert(check_deployment_name(name), DeploymentKind.FULL)

    def create_or_update_branch(
        self, branch: Branch, base: str | None, project: Project | None = None
    ) -> Deployment:
        """Make the deployment of a branch, or update and reopen it.

        A pull request status of ``CLOSED`` or ``MERGED`` closes it.

        Args:
            branch: as the client reports it.
            base: the name of the full deployment that it belongs to; recorded at first.
            project: whose job asks, if that is verified. The first one that is recorded stays.
        """
        name = branch_deployment_name(branch.repo_name, branch.branch_name, project)
        closed = (branch.pull_request_status or "").upper() in {"CLOSED", "MERGED"}
        with self.database.write() as connection:
            changed = connection.execute(
                update(deployments)
                .where(deployments.c.name == name)
                .values(branch=asdict(branch), closed=closed, version=deployments.c.version + 1)
            ).rowcount
            if changed and project is not None:
                connection.execute(
                    update(deployments)
                    .where(deployments.c.name == name)
                    .where(deployments.c.project.is_(None))
                    .values(project=project.as_stored)
                )
        if not changed:
            try:
                self._insert(
                    name,
                    DeploymentKind.BRANCH,
                    branch=asdict(branch),
                    base=base,
                    closed=closed,
                    project=null() if project is None else project.as_stored,
                )
            except ConflictError:
                # Another call has made it between our two statements: now it can be updated.
                return self.create_or_update_branch(branch, base, project)
        return self.get(name)

    def get(self, name: str) -> Deployment:
        """The deployment of that name.

        Raises:
            DeploymentNotFoundError: when there is none.
        """
        found = self.database.remembered(("deployment", name), partial(_found, name))
        if found is None:
            raise DeploymentNotFoundError(_no_such(name))
        return found

    def all(self) -> list[Deployment]:
        """All deployments, by name."""
        with self.database.read() as connection:
            rows = connection.execute(select(deployments).order_by(deployments.c.name)).all()
        return [_deployment(row) for row in rows]

    def set_settings(self, name: str, settings: Mapping[str, Any]) -> Deployment:
        """Replace a deployment's settings."""
        with self.database.write() as connection:
            connection.execute(
                update(deployments)
                .where(deployments.c.name == name)
                .values(settings=dict(settings), version=deployments.c.version + 1)
            )
        return self.get(name)

    def close(self, name: str) -> None:
        """Close a branch deployment; its next update opens it again."""
        with self.database.write() as connection:
            connection.execute(
                update(deployments)
                .where(deployments.c.name == name)
                .where(deployments.c.kind == str(DeploymentKind.BRANCH))
                .values(closed=True, version=deployments.c.version + 1)
            )

    def require_others(self, name: str) -> None:
        """Refuse the name of the last full deployment.

        Raises:
            LastDeploymentError: when no other full deployment would be left.
        """
        if [each.name for each in self.all() if not each.is_branch] == [name]:
            raise LastDeploymentError(_last(name))

    def delete(self, name: str) -> None:
        """Remove a deployment with its rows; it is listed in :meth:`leftovers` then.

        Raises:
            DeploymentNotFoundError: when there is none.
            LastDeploymentError: when no full deployment would be left.
        """
        with self.database.write() as connection:
            # Locked: two calls at once could otherwise remove the last two deployments. Rows that
            # refer to a deployment can still be written meanwhile.
            full = connection.scalars(
                select(deployments.c.name)
                .where(deployments.c.kind == str(DeploymentKind.FULL))
                .order_by(deployments.c.id)
                .with_for_update(key_share=True)
            ).all()
            if full == [name]:
                raise LastDeploymentError(_last(name))
            if self.database.is_sqlite:
                _note_highest(connection)
            gone = connection.execute(delete(deployments).where(deployments.c.name == name))
            if gone.rowcount:
                connection.execute(delete(writes).where(writes.c.deployment == name))
                connection.execute(delete(deletions).where(deletions.c.deployment == name))
                connection.execute(
                    insert(deletions).values(deployment=name, deleted_at=self.clock())
                )
        if not gone.rowcount:
            raise DeploymentNotFoundError(_no_such(name))

    def leftovers(self, _of: Organization, *, older_than_seconds: float = 0.0) -> list[str]:
        """The deployments that were deleted, and for which something may still be stored."""
        before = self.clock() - older_than_seconds
        with self.database.read() as connection:
            return list(
                connection.scalars(
                    select(deletions.c.deployment)
                    .where(deletions.c.deleted_at <= before)
                    .order_by(deletions.c.deployment)
                )
            )

    def forget_leftovers(self, name: str) -> None:
        """Record that nothing of a deleted deployment is stored any more."""
        with self.database.write() as connection:
            connection.execute(delete(deletions).where(deletions.c.deployment == name))

    def _insert(self, name: str, kind: DeploymentKind, **of_branch: Any) -> Deployment:
        try:
            with self.database.write() as connection:
                connection.execute(
                    insert(deployments).values(
                        **self._id(connection),
                        name=name,
                        kind=str(kind),
                        created_at=self.clock(),
                        settings={},
                        version=1,
                        **{"closed": False, "branch": null(), "project": null(), **of_branch},
                    )
                )
                connection.execute(insert(workspace_versions).values(deployment=name, version=1))
        except IntegrityError as error:
            msg = f"There is a deployment {name!r} already. See `dagstead deployment list`."
            raise ConflictError(msg) from error
        return self.get(name)

    def _id(self, connection: Connection) -> Mapping[str, int]:
        """The next id. Clients keep ids, so the id of a deleted deployment is never used again.

        Postgres does so by itself; SQLite would go on from the highest id that is left.
        """
        return {"id": _highest(connection) + 1} if self.database.is_sqlite else {}


def _no_such(name: str) -> str:
    # Which others there are is not for everybody.
    return f"There is no deployment {name!r}. See `dagstead deployment list`."


def _last(name: str) -> str:
    return (
        f"{name!r} is the last full deployment. It cannot be deleted, as agents, tokens and pages "
        "need one. Create another one first: `dagstead deployment create NAME`."
    )


def _highest(connection: Connection) -> int:
    """The highest id that was ever used."""
    left = connection.execute(select(func.max(deployments.c.id))).scalar_one()
    noted = connection.execute(
        select(properties.c.value).where(properties.c.name == _HIGHEST)
    ).scalar_one_or_none()
    return max(left or 0, noted or 0)


def _note_highest(connection: Connection) -> None:
    value = _highest(connection)
    statement = sqlite.insert(properties).values(name=_HIGHEST, value=value)
    connection.execute(
        statement.on_conflict_do_update(index_elements=["name"], set_={"value": value})
    )


def _found(name: str, connection: Connection) -> Deployment | None:
    row = connection.execute(_NAMED, {"name": name}).one_or_none()
    return None if row is None else _deployment(row)


def _deployment(row: Row[Any]) -> Deployment:
    return Deployment(
        id=row.id,
        name=row.name,
        kind=DeploymentKind(row.kind),
        created_at=row.created_at,
        closed=row.closed,
        branch=Branch(**row.branch) if row.branch else None,
        base=row.base,
        project=Project.of_stored(row.project),
        settings=row.settings,
        version=row.version,
    )
