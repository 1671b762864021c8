"""Queues are objects, and a run in the run queue has one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Add them; a run that is queued gets its queue when it is taken from the run queue."""
    op.create_table(
        "queues",
        sa.Column("key", sa.String(256), primary_key=True),
        sa.Column("owner", sa.Text),
        sa.Column("description", sa.Text),
        sa.Column("run_limit", sa.Integer),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("longest_wait_seconds", sa.Float),
        sa.Column("branch_deployments", sa.Boolean, nullable=False),
        sa.Column("fallback", sa.JSON, nullable=False),
        sa.Column("pause", sa.JSON),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
    )
    op.add_column("launches", sa.Column("fell_from", sa.String(256)))
    op.create_index("ix_launches_taken_at", "launches", ["taken_at"])
