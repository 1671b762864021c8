"""What code servers print, in the database."""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from dagstead.plane.server_logs import ServerLog
from dagstead.store.database import Database
from dagstead.store.tables import server_logs


@dataclass(frozen=True, slots=True)
class ServerLogStore:
    """Stores the log of the newest code server of each location."""

    database: Database

    def put(self, deployment: str, location: str, log: ServerLog) -> bool:
        """Store a log, unless there is that of a newer server, or no such location any more.

        Returns:
            Whether it was stored.
        """
        values = {
            "server": log.server,
            "started_at": log.started_at,
            "ended_at": log.ended_at,
            "lines": json.dumps(list(log.lines)),
            "is_cut": log.is_cut,
        }
        insert = sqlite.insert if self.database.is_sqlite else postgresql.insert
        statement = insert(server_logs).values(deployment=deployment, location=location, **values)
        newer = statement.on_conflict_do_update(
            index_elements=["deployment", "location"],
            set_=values,
            where=server_logs.c.started_at <= log.started_at,
        ).returning(server_logs.c.server)
        try:
            with self.database.write() as connection:
                return connection.execute(newer).first() is not None
        except IntegrityError:
            return False

    def get(self, deployment: str, location: str) -> ServerLog | None:
        """The log of a location's newest code server; ``None`` when no pool has sent one."""
        found = (
            select(server_logs)
            .where(server_logs.c.deployment == deployment)
            .where(server_logs.c.location == location)
        )
        with self.database.read() as connection:
            row = connection.execute(found).one_or_none()
        if row is None:
            return None
        return ServerLog(
            server=row.server,
            started_at=row.started_at,
            ended_at=row.ended_at,
            lines=json.loads(row.lines),
            is_cut=row.is_cut,
        )
