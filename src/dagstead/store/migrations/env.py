"""Run by Alembic: applies the versions on the connection that ``Database.migrate`` opened."""

from __future__ import annotations

from alembic import context

from dagstead.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # The caller's transaction holds the lock that keeps other processes out.
    transactional_ddl=False,
)
context.run_migrations()
