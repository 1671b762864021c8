"""Rotation of tokens, where they are used, the numbers of repositories, and CI tokens used once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add them; tokens that are there keep their secret, and the end that they have, or none."""
    op.add_column("tokens", sa.Column("rotated_at", sa.Float))
    op.add_column("tokens", sa.Column("used_from", sa.JSON(none_as_null=True)))
    op.create_table(
        "former_secrets",
        sa.Column("hash", sa.String(64), primary_key=True),
        sa.Column("token_id", _ID, sa.ForeignKey("tokens.id", ondelete="CASCADE"), nullable=False),
        sa.Column("expires_at", sa.Float, nullable=False),
    )
    op.create_index("ix_former_secrets_token", "former_secrets", ["token_id"])
    op.create_table(
        "trust_pins",
        sa.Column("issuer", sa.String(255), primary_key=True),
        sa.Column("path", sa.String(512), primary_key=True),
        sa.Column("number", sa.String(64), nullable=False),
        sa.Column("pinned_at", sa.Float, nullable=False),
    )
    op.create_table(
        "used_ci_tokens",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("expires_at", sa.Float, nullable=False),
    )
    op.create_index("ix_used_ci_tokens_expires_at", "used_ci_tokens", ["expires_at"])
