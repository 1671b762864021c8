"""Agents are known by their token and their id: in heartbeats, and in what they have begun."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add it; of launches under way, the token is not known."""
    op.add_column("heartbeats", sa.Column("reported_id", sa.String(64)))
    op.add_column("launches", sa.Column("begun_with", sa.BigInteger))
