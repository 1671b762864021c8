"""The trail: who did what."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Add it, empty; the row of its end is there from the beginning, so that it can be held."""
    op.create_table(
        "trail",
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("who_kind", sa.String(16), nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("token_id", sa.BigInteger),
        sa.Column("act", sa.String(100), nullable=False),
        sa.Column("place", sa.Text),
        sa.Column("object", sa.Text),
        sa.Column("result", sa.String(16), nullable=False),
    )
    op.create_index("ix_trail_at", "trail", ["at"])
    op.create_index("ix_trail_token", "trail", ["token_id", "seq"])
    op.create_index("ix_trail_act", "trail", ["act", "seq"])
    head = op.create_table(
        "trail_head",
        sa.Column("name", sa.String(16), primary_key=True),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.bulk_insert(head, [{"name": "trail", "seq": 0, "hash": "0" * 64}])
    op.create_table(
        "trail_begun",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("entry", sa.JSON, nullable=False),
    )
    op.create_table(
        "trail_sinks",
        sa.Column("name", sa.String(16), primary_key=True),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("sent_at", sa.Float),
        sa.Column("failing_since", sa.Float),
        sa.Column("fault", sa.Text),
    )
