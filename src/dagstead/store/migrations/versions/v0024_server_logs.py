"""What code servers of managed pools print."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Add the table, empty: pools send what their next code servers print."""
    op.create_table(
        "server_logs",
        sa.Column("deployment", sa.String(64), primary_key=True),
        sa.Column("location", sa.String(255), primary_key=True),
        sa.Column("server", sa.String(64), nullable=False),
        sa.Column("started_at", sa.Float, nullable=False),
        sa.Column("ended_at", sa.Float),
        sa.Column("lines", sa.Text, nullable=False),
        sa.Column("is_cut", sa.Boolean, nullable=False),
        sa.ForeignKeyConstraint(
            ["deployment", "location"],
            ["locations.deployment", "locations.name"],
            ondelete="CASCADE",
        ),
    )
