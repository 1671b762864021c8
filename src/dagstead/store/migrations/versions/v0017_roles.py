"""Roles of tokens, and those that trust policies give."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0015"


def upgrade() -> None:
    """Add them; the tokens that are there may do what they could do before."""
    op.add_column("tokens", sa.Column("roles", sa.JSON(none_as_null=True)))
    op.add_column("trust_policies", sa.Column("roles", sa.JSON(none_as_null=True)))
