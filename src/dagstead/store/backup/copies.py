"""What makes the database of a control plane that of a copy, before the copy is started."""

from __future__ import annotations

from contextlib import closing

from sqlalchemy import delete, inspect, update

from dagstead.plane.pauses import Pause
from dagstead.store.database import Database
from dagstead.store.properties import PropertyStore
from dagstead.store.tables import leader, sessions, sign_in_links


def make_copy(url: str, pause: Pause) -> None:
    """Pause a copy, have it led by nobody, as the original may still run, and sign everybody out.

    Args:
        url: of the database, which may be that of an older version.
        pause: with its reason.
    """
    with closing(Database(url, pool_size=1)) as database:
        properties = PropertyStore(database)
        properties.end_pause()
        properties.begin_pause(pause)
        with database.write() as connection:
            known = inspect(connection)
            for table in (sessions, sign_in_links):
                if known.has_table(table.name):
                    # Who has signed out since the backup stays signed out.
                    connection.execute(delete(table))
            if known.has_table(leader.name):
                # The leader's connection is one of the original's, on the same server perhaps.
                connection.execute(update(leader).values(holder=None, session=None))
