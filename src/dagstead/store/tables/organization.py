"""The tables of the organization."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from dagstead.store.tables.base import metadata

#: The organization's settings and the server's own secrets, by name.
properties = Table(
    "properties",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", JSON, nullable=False),
)

#: Agent queues that somebody has made or changed; see `queue_to_key`.
queues = Table(
    "queues",
    metadata,
    Column("key", String(256), primary_key=True),
    Column("owner", Text),
    Column("description", Text),
    Column("run_limit", Integer),
    Column("priority", Integer, nullable=False),
    Column("longest_wait_seconds", Float),
    Column("branch_deployments", Boolean, nullable=False),
    #: kind, queue.
    Column("fallback", JSON, nullable=False),
    #: by, since, note, until.
    Column("pause", JSON(none_as_null=True)),
    Column("created_at", Float, nullable=False),
    Column("created_by", Text, nullable=False),
)

#: One row: the process that runs the daemons, and those that did before it, by their number.
leader = Table(
    "leader",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("holder", Text),
    Column("session", Text),
    Column("since", Float, nullable=False),
    Column("renewed_at", Float, nullable=False),
    # The epoch is part of a key: on Postgres, statements that lock it in key share hold up a new
    # leader, which changes it, and not the renewals, which do not.
    UniqueConstraint("name", "epoch", name="uq_leader_name_epoch"),
)
