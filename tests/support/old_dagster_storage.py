"""What Dagster stores, in the form of earlier versions, made by its own migrations."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from alembic.config import Config
from alembic.script import ScriptDirectory
from dagster import DagsterInstance
from dagster._core.storage.sql import ALEMBIC_SCRIPTS_LOCATION, run_alembic_downgrade
from sqlalchemy import Connection, text

#: Dagster 1.9 had the oldest of these. Dagster's migrations back from there work.
_COUNT = 8


def _config() -> Config:
    found = Config()
    found.set_main_option("script_location", ALEMBIC_SCRIPTS_LOCATION)
    return found


#: Versions of Dagster's tables, the newest first.
REVISIONS = [script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()][
    :_COUNT
]


@contextmanager
def every_storage(instance: DagsterInstance) -> Iterator[list[Connection]]:
    with (
        instance.run_storage.connect() as runs,  # type: ignore[attr-defined]
        instance.event_log_storage.index_connection() as events,  # type: ignore[attr-defined]
        instance.schedule_storage.connect() as schedules,  # type: ignore[union-attr]
    ):
        yield [runs, events, schedules]


def downgrade(instance: DagsterInstance, revision: str) -> None:
    """By Dagster's own migrations. On Postgres all storages share the first one's tables."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with every_storage(instance) as connections:
            for connection in connections:
                run_alembic_downgrade(_config(), connection, rev=revision)


def stored_revisions(instance: DagsterInstance) -> set[str]:
    with every_storage(instance) as connections:
        query = text("SELECT version_num FROM alembic_version")
        return {connection.execute(query).scalar_one() for connection in connections}
