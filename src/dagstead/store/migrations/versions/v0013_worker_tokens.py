"""Managed pools have a kind of token of their own."""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0009"


def upgrade() -> None:
    """Give it to the tokens that servers made for their pools, which are known by their names."""
    op.execute(
        "UPDATE tokens SET kind = 'pool' WHERE kind = 'agent' AND name LIKE 'managed pool on %'"
    )
