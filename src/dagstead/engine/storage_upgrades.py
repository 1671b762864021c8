"""Brings what an older Dagster has stored for a deployment into the present form.

Open-source Dagster leaves that to a command that people run (`dagster instance migrate`), and until
then its statements may fail. Here every start brings everything up to date, as for our own tables.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import cache

from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from dagster import DagsterInstance
from dagster._core.storage.sql import ALEMBIC_SCRIPTS_LOCATION
from sqlalchemy import Connection

from dagstead.errors import DatabaseUnusableError

logger = logging.getLogger(__name__)


def upgrade_storage(instance: DagsterInstance, deployment: str) -> None:
    """Run the migrations that a deployment's storage lacks; no other process may open it meanwhile.

    Raises:
        DatabaseUnusableError: when a newer Dagster has migrated it.
    """
    newest, known = _revisions()
    found = set(_stored_revisions(instance))
    for revision in found - known:
        msg = (
            f"What Dagster has stored for the deployment {deployment!r} was migrated by a newer "
            f"Dagstead (to {revision}). Install that version again, or restore an older backup."
        )
        raise DatabaseUnusableError(msg)
    if found != {newest}:
        logger.info("Migrating what Dagster has stored for the deployment %r", deployment)
        instance.upgrade()


@cache
def _revisions() -> tuple[str | None, frozenset[str | None]]:
    config = Config()
    config.set_main_option("script_location", ALEMBIC_SCRIPTS_LOCATION)
    scripts = ScriptDirectory.from_config(config)
    # Storage from before Dagster had migrations has none.
    known = {None, *(script.revision for script in scripts.walk_revisions())}
    return scripts.get_current_head(), frozenset(known)


def _stored_revisions(instance: DagsterInstance) -> Iterator[str | None]:
    for connect in (
        instance.run_storage.connect,  # type: ignore[attr-defined]
        instance.event_log_storage.index_connection,  # type: ignore[attr-defined]
        instance.schedule_storage.connect,  # type: ignore[union-attr]
    ):
        with connect() as connection:
            yield _stored_revision(connection)


def _stored_revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()
