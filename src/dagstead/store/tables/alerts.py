"""The tables of alerts: policies, what fires, messages on their way, silences."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from dagstead.store.tables.base import ID, metadata

alert_policies = Table(
    "alert_policies",
    metadata,
    Column("id", ID, primary_key=True),
    Column(
        "deployment", String(64), ForeignKey("deployments.name", ondelete="CASCADE"), nullable=False
    ),
    Column("document", String(16), nullable=False),
    Column("name", String(200), nullable=False),
    #: Its place in the document.
    Column("number", Integer, nullable=False),
    #: The entry of the document, encrypted: it may have secrets.
    Column("key", String(64), nullable=False),
    Column("sealed", JSON, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
    Column("updated_by", Text, nullable=False),
    UniqueConstraint("deployment", "document", "name", name="uq_alert_policies_name"),
)

#: What lasts, by policy.
alerts_firing = Table(
    "alerts_firing",
    metadata,
    Column(
        "policy_id",
        BigInteger,
        ForeignKey("alert_policies.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("key", String(64), primary_key=True),
    Column("event", String(64), nullable=False),
    Column("title", Text, nullable=False),
    Column("says", Text, nullable=False),
    Column("at", Float),
    Column("seen_at", Float, nullable=False),
    Column("notified_at", Float),
    Column("ended_at", Float),
    Column("delivery_id", String(32)),
)

#: Messages: a row is there before the message is sent.
alert_deliveries = Table(
    "alert_deliveries",
    metadata,
    Column("id", String(32), primary_key=True),
    Column(
        "policy_id",
        BigInteger,
        ForeignKey("alert_policies.id", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("created_at", Float, nullable=False),
    Column("due_at", Float, nullable=False),
    Column("state", String(16), nullable=False),
    Column("items", JSON, nullable=False),
    Column("total", Integer, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("error", Text),
    Column("sent_at", Float),
    Column("is_test", Boolean, nullable=False),
)
Index("ix_alert_deliveries_due", alert_deliveries.c.state, alert_deliveries.c.due_at)
Index("ix_alert_deliveries_policy", alert_deliveries.c.policy_id, alert_deliveries.c.created_at)

alert_silences = Table(
    "alert_silences",
    metadata,
    Column("id", ID, primary_key=True),
    Column(
        "deployment", String(64), ForeignKey("deployments.name", ondelete="CASCADE"), nullable=False
    ),
    Column("policy_id", BigInteger, ForeignKey("alert_policies.id", ondelete="CASCADE")),
    Column("until", Float, nullable=False),
    Column("note", Text),
    Column("by", Text, nullable=False),
    Column("created_at", Float, nullable=False),
)

#: How far the events of runs were read for alerts.
alert_cursors = Table(
    "alert_cursors",
    metadata,
    Column(
        "deployment",
        String(64),
        ForeignKey("deployments.name", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("event", String(64), primary_key=True),
    Column("position", BigInteger, nullable=False),
)
