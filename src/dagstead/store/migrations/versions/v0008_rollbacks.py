"""What rollbacks undo, and what releases have replaced."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add both; what earlier releases have replaced follows from what was live after others."""
    op.add_column("releases", sa.Column("undoes", sa.Integer))
    op.add_column("releases", sa.Column("before", sa.JSON(none_as_null=True)))
