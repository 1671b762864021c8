"""The table of what code servers print."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, ForeignKeyConstraint, String, Table, Text

from dagstead.store.tables.base import metadata

#: Of the newest code server of each location that a managed pool runs.
server_logs = Table(
    "server_logs",
    metadata,
    Column("deployment", String(64), primary_key=True),
    Column("location", String(255), primary_key=True),
    Column("server", String(64), nullable=False),
    Column("started_at", Float, nullable=False),
    Column("ended_at", Float),
    #: JSON: the lines.
    Column("lines", Text, nullable=False),
    Column("is_cut", Boolean, nullable=False),
    ForeignKeyConstraint(
        ["deployment", "location"], ["locations.deployment", "locations.name"], ondelete="CASCADE"
    ),
)
