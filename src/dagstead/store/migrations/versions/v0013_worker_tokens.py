"""Managed pools have a kind of token of their own, and so has the code that they run."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Convert the tokens that servers made for their pools: these are known by their names."""
    op.execute(
        "UPDATE tokens SET kind = 'pool' WHERE kind = 'agent' AND name LIKE 'managed pool on %'"
    )
    op.create_table(
        "worker_tokens",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("hash", sa.String(64), nullable=False, unique=True),
        _deployment(),
        sa.Column("location", sa.String(255), nullable=False),
        sa.Column("run_id", sa.String(64)),
        sa.Column("launch", sa.Integer),
        sa.Column("pool", sa.String(128), nullable=False),
        sa.Column("agent_id", sa.String(64), nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("expires_at", sa.Float),
    )
    op.create_index("ix_worker_tokens_run", "worker_tokens", ["deployment", "run_id"])
    op.create_table(
        "made_by_workers",
        _deployment(primary_key=True),
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("location", sa.String(255), nullable=False),
        sa.Column("by_run", sa.String(64)),
        sa.Column("made_at", sa.Float, nullable=False),
    )


def _deployment(*, primary_key: bool = False) -> sa.Column[str]:
    return sa.Column(
        "deployment",
        sa.String(64),
        sa.ForeignKey("deployments.name", ondelete="CASCADE"),
        primary_key=primary_key,
        nullable=False,
    )
