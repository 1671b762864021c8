"""The leader's lease."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

#: In front of a statement of Dagster's storage: see `dagstead.engine.connections`.
_REQUIRE = """
CREATE FUNCTION require_leader(wanted bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM dagstead.leader WHERE name = 'daemon' AND epoch = wanted FOR KEY SHARE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'another process runs the daemons now' USING ERRCODE = 'DL001';
  END IF;
END $$
"""


def upgrade() -> None:
    """Add it, with its one row: nobody leads."""
    leader = op.create_table(
        "leader",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("holder", sa.Text),
        sa.Column("session", sa.Text),
        sa.Column("since", sa.Float, nullable=False),
        sa.Column("renewed_at", sa.Float, nullable=False),
        sa.UniqueConstraint("name", "epoch", name="uq_leader_name_epoch"),
    )
    op.bulk_insert(leader, [{"name": "daemon", "epoch": 0, "since": 0.0, "renewed_at": 0.0}])
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_REQUIRE)
