"""Alerts: policies, what fires, messages on their way, silences, and how far events were read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add the tables, empty."""
    op.create_table(
        "alert_policies",
        sa.Column("id", _ID, primary_key=True),
        _deployment(),
        sa.Column("document", sa.String(16), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("sealed", sa.JSON, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("updated_at", sa.Float, nullable=False),
        sa.Column("updated_by", sa.Text, nullable=False),
        sa.UniqueConstraint("deployment", "document", "name", name="uq_alert_policies_name"),
    )
    op.create_table(
        "alerts_firing",
        _policy(primary_key=True),
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("says", sa.Text, nullable=False),
        sa.Column("at", sa.Float),
        sa.Column("seen_at", sa.Float, nullable=False),
        sa.Column("notified_at", sa.Float),
        sa.Column("ended_at", sa.Float),
        sa.Column("delivery_id", sa.String(32)),
    )
    op.create_table(
        "alert_deliveries",
        sa.Column("id", sa.String(32), primary_key=True),
        _policy(nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("due_at", sa.Float, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("items", sa.JSON, nullable=False),
        sa.Column("total", sa.Integer, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("sent_at", sa.Float),
        sa.Column("is_test", sa.Boolean, nullable=False),
    )
    op.create_index("ix_alert_deliveries_due", "alert_deliveries", ["state", "due_at"])
    op.create_index("ix_alert_deliveries_policy", "alert_deliveries", ["policy_id", "created_at"])
    op.create_table(
        "alert_silences",
        sa.Column("id", _ID, primary_key=True),
        _deployment(),
        _policy(),
        sa.Column("until", sa.Float, nullable=False),
        sa.Column("note", sa.Text),
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
    )
    op.create_table(
        "alert_cursors",
        _deployment(primary_key=True),
        sa.Column("event", sa.String(64), primary_key=True),
        sa.Column("position", sa.BigInteger, nullable=False),
    )


def _deployment(*, primary_key: bool = False) -> sa.Column[str]:
    of = sa.ForeignKey("deployments.name", ondelete="CASCADE")
    return sa.Column("deployment", sa.String(64), of, primary_key=primary_key, nullable=False)


def _policy(*, primary_key: bool = False, nullable: bool = True) -> sa.Column[int]:
    of = sa.ForeignKey("alert_policies.id", ondelete="CASCADE")
    if primary_key:
        return sa.Column("policy_id", sa.BigInteger, of, primary_key=True)
    return sa.Column("policy_id", sa.BigInteger, of, nullable=nullable)
