"""What makes the database of a control plane that of a copy, before the copy is started."""

from __future__ import annotations

from contextlib import closing

from sqlalchemy import inspect, update

from dagstead.plane.pauses import Pause
from dagstead.store.database import Database
from dagstead.store.properties import PropertyStore
from dagstead.store.tables import leader


def make_copy(url: str, pause: Pause) -> None:
    """Pause a copy, and have it led by nobody: what it was copied from may still run.

    Args:
        url: of the database, which may be that of an older version.
        pause: with its reason.
    """
    with closing(Database(url, pool_size=1)) as database:
        properties = PropertyStore(database)
        properties.end_pause()
        properties.begin_pause(pause)
        with database.write() as connection:
            if inspect(connection).has_table(leader.name):
                # The leader's connection is one of the original's, on the same server perhaps.
                connection.execute(update(leader).values(holder=None, session=None))
