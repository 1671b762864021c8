"""The tables of the trail."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, Float, Index, String, Table, Text

from dagstead.store.tables.base import metadata

#: Who did what. Rows are added at the end, and only the oldest are removed; they hang together as
#: `plane/trail.py` says. What comes after the hash are copies of what the body says, to find rows.
trail = Table(
    "trail",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Float, nullable=False),
    Column("body", Text, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("who_kind", String(16), nullable=False),
    Column("who", Text, nullable=False),
    Column("token_id", BigInteger),
    Column("act", String(100), nullable=False),
    #: The name of a deployment. The row outlives it.
    Column("place", Text),
    Column("object", Text),
    Column("result", String(16), nullable=False),
)
Index("ix_trail_at", trail.c.at)
Index("ix_trail_token", trail.c.token_id, trail.c.seq)
Index("ix_trail_act", trail.c.act, trail.c.seq)

#: One row: the end of the trail. Who adds a row holds it.
trail_head = Table(
    "trail_head",
    metadata,
    Column("name", String(16), primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
)

#: Acts that have begun to change something, written in the transaction of their first change.
trail_begun = Table(
    "trail_begun",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("at", Float, nullable=False),
    Column("entry", JSON, nullable=False),
)

#: Where the trail is sent, the last row that has arrived there, and since when none does.
trail_sinks = Table(
    "trail_sinks",
    metadata,
    Column("name", String(16), primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("sent_at", Float),
    Column("failing_since", Float),
    Column("fault", Text),
)
