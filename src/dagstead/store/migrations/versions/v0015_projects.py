"""Whose branch deployments they are, as the CI provider has verified it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Add it; for what is there it was not verified."""
    op.add_column("tokens", sa.Column("project", sa.JSON(none_as_null=True)))
    op.add_column("deployments", sa.Column("project", sa.JSON(none_as_null=True)))
