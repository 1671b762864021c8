"""Images that were pushed into the installation's registry, and by whom."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Add the table, empty: there was no registry before."""
    op.create_table(
        "pushed_images",
        sa.Column("repository", sa.String(255), primary_key=True),
        sa.Column("tag", sa.String(128), primary_key=True),
        sa.Column("digest", sa.String(80), primary_key=True),
        sa.Column("namespace", sa.String(64), primary_key=True),
        sa.Column("uploader", sa.JSON, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("parts", sa.JSON, nullable=False),
        sa.Column("pushed_at", sa.Float, nullable=False),
        sa.Column("needed_at", sa.Float, nullable=False),
    )
