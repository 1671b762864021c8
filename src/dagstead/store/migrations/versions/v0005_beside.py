"""What an agent token grants beside all deployments."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add it; tokens that there are grant nothing beside."""
    op.add_column("tokens", sa.Column("beside", sa.JSON))
