"""What the one status of a location is made of, and which agent is to get a request."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add them; nothing is known yet."""
    op.add_column("locations", sa.Column("healing", sa.JSON(none_as_null=True)))
    op.add_column("locations", sa.Column("refused", sa.JSON(none_as_null=True)))
    op.add_column("heartbeats", sa.Column("code_servers", sa.JSON))
    op.add_column("requests", sa.Column("for_token", sa.BigInteger))
    op.create_table(
        "token_calls",
        sa.Column("token_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("polled_at", sa.Float),
        sa.Column("asked_at", sa.Float),
    )
