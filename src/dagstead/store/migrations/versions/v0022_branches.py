"""Branch deployments: when CI last made or updated them, and what they are compared with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Add the table, empty: what older versions made has a record at its next update."""
    op.create_table(
        "branches",
        sa.Column("deployment", sa.String(64), primary_key=True),
        sa.Column("opened_at", sa.Float, nullable=False),
        sa.Column("condition", sa.String(16)),
        sa.Column("snapshot", sa.JSON),
        sa.ForeignKeyConstraint(["deployment"], ["deployments.name"], ondelete="CASCADE"),
    )
