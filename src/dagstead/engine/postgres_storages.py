"""Dagster's event log in Postgres, whose writers share transactions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any, Self

from dagster._serdes import ConfigurableClassData
from dagster_postgres.event_log import PostgresEventLogStorage
from dagster_postgres.utils import create_pg_connection, pg_url_from_config, retry_pg_creation_fn
from sqlalchemy import Connection

from dagstead.engine.event_groups import EventGroups, GroupedEventLog


class GroupedPostgresEventLog(GroupedEventLog, PostgresEventLogStorage):
    """The events of all runs, in a schema."""

    def __init__(self, postgres_url: str, inst_data: ConfigurableClassData | None = None) -> None:
        self.groups = EventGroups(self._begin)
        super().__init__(postgres_url, inst_data=inst_data)
        retry_pg_creation_fn(partial(self.groups.prepare, self._connect))

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        """As Dagster's, which makes one of its own class."""
        return cls(pg_url_from_config(config_value), inst_data)

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        with create_pg_connection(self._engine) as connection:
            # As Dagster's own transactions; its other statements are committed one by one.
            in_one = connection.execution_options(isolation_level="READ COMMITTED")
            with in_one.begin():
                yield in_one

    def _connect(self) -> AbstractContextManager[Connection]:
        own = self.groups.connection
        return super()._connect() if own is None else nullcontext(own)
