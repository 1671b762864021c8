"""Databases as every earlier version left them: its own migrations, and rows as it wrote them."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    MetaData,
    Numeric,
    Table,
    insert,
    text,
)
from sqlalchemy.schema import DropIndex, DropTable
from sqlalchemy.types import Float, Integer

from dagstead.plane.tokens import hash_secret
from dagstead.store import migrations
from dagstead.store.database import CONTROL_SCHEMA, Database

_SCRIPTS = str(Path(migrations.__file__).parent)

#: Of the token ``ada``.
SECRET = "user:dagstead:0123456789abcdef"
SIGNING_KEY = "ab" * 32
THEN = 1_700_000_000.0


def _deploy(name: str, deploy_id: str, queue: str | None) -> dict[str, Any]:
    return {
        "document": {"location_name": name, "code_source": {"module_name": "shop"}},
        "deploy_data": f"data {deploy_id}",
        "deploy_id": deploy_id,
        "queue": queue,
    }


#: By table. A column that an older version does not have is left out, and a table too. A table that
#: is not here gets one row.
ROWS: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "deployments": [
        {
            "name": "prod",
            "kind": "full",
            "created_at": THEN,
            "closed": False,
            "settings": {"run_retries": {"max_retries": 3}},
            "version": 2,
        },
        {
            "name": "branch",
            "kind": "branch",
            "created_at": THEN,
            "closed": True,
            "branch": {"repo_name": "shop", "branch_name": "fix", "pull_request_status": "MERGED"},
            "base": "prod",
            "settings": {},
            "version": 1,
        },
    ],
    "locations": [
        {
            "deployment": "prod",
            "name": "live",
            **_deploy("live", "live-1", None),
            "state": "loaded",
            "timestamp": THEN,
            "manifest": "of live-1",
            "manifest_deploy_id": "live-1",
            "updated_at": THEN,
            "version": 1,
            "live": _deploy("live", "live-1", None),
            "release": 1,
        },
        {
            "deployment": "prod",
            "name": "loading",
            **_deploy("loading", "loading-1", "gpu"),
            "state": "loading",
            "timestamp": THEN,
            "updated_at": THEN,
            "version": 2,
            "open_release": 2,
        },
    ],
    "releases": [
        {
            "deployment": "prod",
            "number": 1,
            "state": "live",
            "atomic": True,
            "cause": "deploy",
            "commit_hash": "abc",
            "removes": [],
            "created_at": THEN,
            "ended_at": THEN + 1,
            "live": {"live": 1},
        },
        {
            "deployment": "prod",
            "number": 2,
            "state": "loading",
            "atomic": True,
            "cause": "deploy",
            "removes": [],
            "created_at": THEN + 2,
        },
    ],
    "release_parts": [
        {
            "deployment": "prod",
            "number": number,
            "name": name,
            **_deploy(name, f"{name}-1", queue),
            "state": state,
            "phase": "importing",
            "doubtful": False,
        }
        for number, name, queue, state in (
            (1, "live", None, "live"),
            (2, "loading", "gpu", "loading"),
        )
    ],
    "workspace_versions": [{"deployment": "prod", "version": 7}],
    "requests": [
        {
            "id": "launch",
            "api": "LAUNCH_RUN",
            "deployment": "prod",
            "is_branch": False,
            "location": "live",
            "run_id": "run",
            "body": "launch it",
            "state": "waiting",
            "created_at": THEN,
            "expires_at": THEN + 1e9,
            "deliveries": 0,
        }
    ],
    "heartbeats": [
        {
            "agent_id": "agent",
            "deployment": "prod",
            "token_id": 1,
            "received_at": THEN,
            "first_received_at": THEN,
            "queues": ["gpu", None],
            "branch_deployments": False,
            "metadata": {"version": "1.12.0"},
            "errors": [],
        }
    ],
    "alert_policies": [
        {
            "deployment": "prod",
            "document": "own",
            "name": "on-call",
            "number": 0,
            "key": "k",
            "sealed": {"key": "k", "wrapped": "", "sealed": ""},
            "created_at": 1.0,
            "updated_at": 1.0,
            "updated_by": "ada",
        }
    ],
    "tokens": [
        {
            "name": "ada",
            "kind": "user",
            "hash": hash_secret(SECRET),
            "deployments": ["prod"],
            "branch_deployments": True,
            "created_at": THEN,
        }
    ],
    "writes": [{"deployment": "prod", "key": "event-1", "begun_at": THEN, "done": True}],
    "properties": [
        {"name": "signing_key", "value": SIGNING_KEY},
        {"name": "organization_settings", "value": {"sso": False}},
    ],
}


def every_revision() -> list[str]:
    """All versions of the schema, the oldest first."""
    return [script.revision for script in ScriptDirectory(_SCRIPTS).walk_revisions()][::-1]


def make_database(database: Database, revision: str) -> Mapping[str, list[dict[str, Any]]]:
    """Make an empty database one of that version, with rows; returns all of them, as stored."""
    with database.write() as connection:
        if not database.is_sqlite:
            connection.execute(text(f"CREATE SCHEMA {CONTROL_SCHEMA}"))
        _migrate(connection, revision)
        for table in _tables(connection):
            for row in ROWS.get(table.name, [{}]):
                connection.execute(insert(table).values(_completed(table, row)))
        return stored_rows(connection)


def set_back(file: Path, revision: str) -> None:
    """Make a SQLite database one of an older version: what later migrations have added goes."""
    with tempfile.TemporaryDirectory() as folder:
        with closing(Database(f"sqlite:///{folder}/old.db")) as old, old.write() as connection:
            _migrate(connection, revision)
            kept = {table.name: set(table.c.keys()) for table in _tables(connection)}
        with closing(Database(f"sqlite:///{file}")) as database, database.write() as connection:
            for table in reversed(_tables(connection)):
                if table.name not in kept:
                    connection.execute(DropTable(table))
                for column in set(table.c.keys()) - kept.get(table.name, set(table.c.keys())):
                    _drop_column(connection, table, column)
            connection.execute(
                text("UPDATE alembic_version SET version_num = :it"), {"it": revision}
            )


def _drop_column(connection: Connection, table: Table, column: str) -> None:
    for index in table.indexes:
        if column in index.columns:
            connection.execute(DropIndex(index))
    connection.execute(text(f"ALTER TABLE {table.name} DROP COLUMN {column}"))


def _migrate(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", _SCRIPTS)
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def stored_rows(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    """Everything that is stored, by table."""
    return {
        table.name: [dict(row._mapping) for row in connection.execute(table.select())]
        for table in _tables(connection)
    }


def _tables(connection: Connection) -> list[Table]:
    metadata = MetaData()
    metadata.reflect(connection)
    # Those that others refer to first.
    tables = metadata.sorted_tables
    return [table for table in tables if table.name != "alembic_version"]


def _completed(table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as this version of the table takes it, with something where it needs more."""
    known = {name: value for name, value in row.items() if name in table.c}
    missing = [column for column in table.c if not (column.nullable or column.name in known)]
    counted = table.autoincrement_column
    if counted is not None and isinstance(counted.type, BigInteger) and not counted.server_default:
        # A number of another table, such as a token's.
        counted = None
    return {**known, **{each.name: _any(each) for each in missing if each is not counted}}


def _any(column: Column[Any]) -> Any:
    for reference in column.foreign_keys:
        of = reference.column
        return ROWS[of.table.name][0].get(of.name, 1)
    if isinstance(column.type, JSON):
        return {}
    if isinstance(column.type, Boolean):
        return True
    return 1 if isinstance(column.type, Integer | Float | Numeric) else "x"
