"""The tables of metrics and traces: what was counted, and what belongs to which trace."""

from __future__ import annotations

from sqlalchemy import Column, Float, Index, String, Table

from dagstead.store.tables.base import metadata

#: What every process has counted, added up. Places and details are labels, so that there is a
#: bounded number of rows.
tallies = Table(
    "tallies",
    metadata,
    Column("what", String(32), primary_key=True),
    Column("place", String(255), primary_key=True),
    Column("detail", String(32), primary_key=True),
    Column("number", Float, nullable=False),
    Column("changed_at", Float, nullable=False),
)

#: By the key of a queue: when somebody last asked for its code and no agent was there, and when
#: somebody who starts and stops its agents last asked how much it has to do.
queue_calls = Table(
    "queue_calls",
    metadata,
    Column("key", String(256), primary_key=True),
    Column("missed_at", Float),
    Column("scaled_at", Float),
)

#: The trace that a release, a run or a request belongs to; empty where nobody traces. It has no
#: foreign key: it is written beside what it is about, and removed by its age.
traces = Table(
    "traces",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("deployment", String(64), primary_key=True),
    Column("id", String(64), primary_key=True),
    #: In the form of the header `traceparent`.
    Column("parent", String(64), nullable=False),
    Column("created_at", Float, nullable=False),
)
Index("ix_traces_created_at", traces.c.created_at)
