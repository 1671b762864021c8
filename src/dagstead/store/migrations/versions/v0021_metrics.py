"""What was counted, who asked for queues in vain, and what belongs to which trace."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Add the tables, empty: counting begins with this version."""
    op.create_table(
        "tallies",
        sa.Column("what", sa.String(32), primary_key=True),
        sa.Column("place", sa.String(255), primary_key=True),
        sa.Column("detail", sa.String(32), primary_key=True),
        sa.Column("number", sa.Float, nullable=False),
        sa.Column("changed_at", sa.Float, nullable=False),
    )
    op.create_table(
        "queue_calls",
        sa.Column("key", sa.String(256), primary_key=True),
        sa.Column("missed_at", sa.Float),
        sa.Column("scaled_at", sa.Float),
    )
    op.create_table(
        "traces",
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("deployment", sa.String(64), primary_key=True),
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("parent", sa.String(64), nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
    )
    op.create_index("ix_traces_created_at", "traces", ["created_at"])
