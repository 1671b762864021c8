"""Encrypted secrets, and the tokens that may show their values."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Add them. The signing key is encrypted later, by a process that has the master key."""
    op.add_column("tokens", sa.Column("secret_values", sa.JSON))
    op.create_table(
        "secrets",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("slot", sa.String(64), nullable=False, unique=True),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column(
            "deployment", sa.String(64), sa.ForeignKey("deployments.name", ondelete="CASCADE")
        ),
        sa.Column("location", sa.String(255)),
        sa.Column("batch", sa.String(32), nullable=False),
        sa.Column("key", sa.String(16), nullable=False),
        sa.Column("sealed", sa.JSON, nullable=False),
        sa.Column("updated_at", sa.Float, nullable=False),
        sa.Column("updated_by", sa.String(128), nullable=False),
    )
    op.create_index("ix_secrets_deployment", "secrets", ["deployment"])
