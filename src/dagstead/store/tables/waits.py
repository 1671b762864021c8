"""The tables of what waits and of who was turned away."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, Integer, String, Table, Text

from dagstead.store.tables.base import metadata

#: What the log of a run says last of why it waits; a row lives as long as the run waits.
noted_waits = Table(
    "noted_waits",
    metadata,
    Column(
        "deployment",
        String(64),
        ForeignKey("deployments.name", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("run_id", String(64), primary_key=True),
    #: The key of the reason.
    Column("reason", Text, nullable=False),
    Column("noted_at", Float, nullable=False),
)

#: Callers that were refused; of more than some hundred, those that were seen last.
refused_callers = Table(
    "refused_callers",
    metadata,
    #: A hash of who, from where, and at what.
    Column("key", String(64), primary_key=True),
    Column("kind", String(16), nullable=False),
    #: Of the token; of one that nobody knows, its last characters.
    Column("name", Text, nullable=False),
    Column("token_id", BigInteger),
    Column("address", Text),
    Column("act", String(100), nullable=False),
    Column("reason", Text, nullable=False),
    Column("first_at", Float, nullable=False),
    Column("last_at", Float, nullable=False),
    Column("times", Integer, nullable=False),
)
Index("ix_refused_callers_last_at", refused_callers.c.last_at)
