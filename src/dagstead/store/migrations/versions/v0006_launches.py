"""Launches: what becomes of a run, from the queue to its end."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add them; runs under way get theirs from the watch."""
    op.create_table(
        "launches",
        sa.Column(
            "deployment",
            sa.String(64),
            sa.ForeignKey("deployments.name", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("run_id", sa.String(64), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("request_id", sa.String(64)),
        sa.Column("location", sa.String(255)),
        sa.Column("queue", sa.String(255)),
        sa.Column("max_runtime_seconds", sa.Float),
        sa.Column("in_code_server", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("offered_at", sa.Float),
        sa.Column("taken_at", sa.Float),
        sa.Column("begun_at", sa.Float),
        sa.Column("begun_by", sa.String(64)),
        sa.Column("answered_at", sa.Float),
        sa.Column("started_at", sa.Float),
        sa.Column("asked_at", sa.Float),
        sa.Column("asked_times", sa.Integer, nullable=False),
        sa.Column("unknown_since", sa.Float),
        sa.Column("stop", sa.JSON),
        sa.Column("ended_at", sa.Float),
        sa.Column("ending", sa.JSON),
        sa.Column("is_shown", sa.Boolean, nullable=False),
    )
    op.create_index("ix_launches_state_is_shown", "launches", ["state", "is_shown"])
