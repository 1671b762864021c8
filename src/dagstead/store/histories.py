"""How much Dagster has stored for each deployment: runs, events and ticks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from dagstead.store.database import Database, deployment_schema
from dagstead.store.folders import folders_in, size_of

_PREFIX = deployment_schema("")
#: With SQLite, in the folder of a deployment.
_FOLDERS = ("runs", "events", "schedules")


@dataclass(frozen=True, kw_only=True, slots=True)
class Histories:
    """The databases or schemas of the deployments."""

    database: Database
    #: Has a folder for every deployment.
    folder: Path

    def sizes(self) -> Mapping[str, int]:
        """Bytes by deployment, with indexes."""
        if self.database.is_sqlite:
            return {
                home.name: sum(size_of(home / name) for name in _FOLDERS)
                for home in folders_in(self.folder)
            }
        of_tables = text(
            "SELECT nspname, sum(pg_total_relation_size(pg_class.oid)) "
            "FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace "
            "WHERE relkind = 'r' AND starts_with(nspname, :prefix) GROUP BY nspname"
        )
        with self.database.read() as connection:
            rows = connection.execute(of_tables, {"prefix": _PREFIX}).all()
        return {schema.removeprefix(_PREFIX): int(size) for schema, size in rows}
