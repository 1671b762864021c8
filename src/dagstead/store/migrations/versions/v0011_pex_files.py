"""Which content a PEX file has and who stored it, and whether a token is of a pull request."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add them; files that were stored before are looked at when a release needs them."""
    op.create_table(
        "pex_files",
        sa.Column("namespace", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(900), primary_key=True),
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("uploader", sa.JSON, nullable=False),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("stored_at", sa.Float, nullable=False),
    )
    op.create_index("ix_pex_files_name", "pex_files", ["name"])
    op.add_column(
        "tokens",
        sa.Column("is_pull_request", sa.Boolean, nullable=False, server_default=sa.false()),
    )
