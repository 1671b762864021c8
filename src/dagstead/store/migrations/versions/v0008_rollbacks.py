"""What rollbacks undo, what releases have replaced, and deletions that are under way."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add them; what earlier releases have replaced follows from what was live after others."""
    op.add_column("releases", sa.Column("undoes", sa.Integer))
    op.add_column("releases", sa.Column("before", sa.JSON(none_as_null=True)))
    op.create_table(
        "deletions",
        sa.Column("deployment", sa.String(64), primary_key=True),
        sa.Column("deleted_at", sa.Float, nullable=False),
    )
