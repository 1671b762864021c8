"""The fence around what only the leader may write."""

from __future__ import annotations

from sqlalchemy import Connection, select

from dagstead.plane.leases import Fence, LeadershipLostError
from dagstead.store.tables import leader

#: The name of the one row.
LEADER = "daemon"


def require_fence(connection: Connection, fence: Fence) -> None:
    """Check that this is the newest leader, until the end of the transaction.

    On Postgres a new leader waits for the transaction; on SQLite there is one writer at a time.

    Raises:
        LeadershipLostError: when another process leads. Nothing may be written.
    """
    held = connection.execute(
        select(leader.c.epoch)
        .where(leader.c.name == LEADER)
        .where(leader.c.epoch == fence.epoch)
        .with_for_update(read=True, key_share=True)
    ).first()
    if held is None:
        raise LeadershipLostError
