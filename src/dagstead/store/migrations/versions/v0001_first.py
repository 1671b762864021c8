"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create every table."""
    _deployments()
    _locations()
    _requests()
    _heartbeats()
    _tokens()
    op.create_table(
        "writes",
        sa.Column("deployment", sa.String(64), primary_key=True),
        sa.Column("key", sa.String(128), primary_key=True),
        sa.Column("begun_at", sa.Float, nullable=False),
        sa.Column("done", sa.Boolean, nullable=False),
    )
    op.create_index("ix_writes_begun_at", "writes", ["begun_at"])
    op.create_table(
        "properties",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("value", sa.JSON, nullable=False),
    )


def _of_deployment(*, primary_key: bool = False) -> sa.Column[str]:
    return sa.Column(
        "deployment",
        sa.String(64),
        sa.ForeignKey("deployments.name", ondelete="CASCADE"),
        nullable=False,
        primary_key=primary_key,
    )


def _deployments() -> None:
    op.create_table(
        "deployments",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("name", sa.String(64), nullable=False, unique=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("closed", sa.Boolean, nullable=False),
        sa.Column("branch", sa.JSON),
        sa.Column("base", sa.String(64)),
        sa.Column("settings", sa.JSON, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
    )


def _locations() -> None:
    op.create_table(
        "locations",
        sa.Column("id", _ID, primary_key=True),
        _of_deployment(),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("document", sa.JSON, nullable=False),
        sa.Column("deploy_data", sa.Text, nullable=False),
        sa.Column("deploy_id", sa.String(64), nullable=False),
        sa.Column("queue", sa.String(255)),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("timestamp", sa.Float, nullable=False),
        sa.Column("manifest", sa.Text),
        sa.Column("manifest_deploy_id", sa.String(64)),
        sa.Column("error", sa.Text),
        sa.Column("updated_at", sa.Float, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("deployment", "name", name="uq_locations_deployment_name"),
    )
    op.create_table(
        "workspace_versions",
        _of_deployment(primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
    )


def _requests() -> None:
    op.create_table(
        "requests",
        sa.Column("seq", _ID, primary_key=True),
        sa.Column("id", sa.String(64), nullable=False, unique=True),
        sa.Column("api", sa.String(64), nullable=False),
        _of_deployment(),
        sa.Column("is_branch", sa.Boolean, nullable=False),
        sa.Column("queue", sa.String(255)),
        sa.Column("location", sa.String(255)),
        sa.Column("run_id", sa.String(64)),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("expires_at", sa.Float, nullable=False),
        sa.Column("leased_at", sa.Float),
        sa.Column("leased_by", sa.BigInteger),
        sa.Column("deliveries", sa.Integer, nullable=False),
        sa.Column("begun_by", sa.String(64)),
        sa.Column("answer", sa.Text),
        sa.Column("answered_at", sa.Float),
    )
    op.create_index("ix_requests_state_deployment", "requests", ["state", "deployment"])
    op.create_index("ix_requests_run", "requests", ["run_id"])


def _heartbeats() -> None:
    op.create_table(
        "heartbeats",
        sa.Column("agent_id", sa.String(64), primary_key=True),
        _of_deployment(primary_key=True),
        sa.Column("token_id", sa.BigInteger, nullable=False),
        sa.Column("received_at", sa.Float, nullable=False),
        sa.Column("first_received_at", sa.Float, nullable=False),
        sa.Column("label", sa.Text),
        sa.Column("type", sa.Text),
        sa.Column("version", sa.Text),
        sa.Column("queues", sa.JSON, nullable=False),
        sa.Column("branch_deployments", sa.Boolean, nullable=False),
        sa.Column("metadata", sa.JSON, nullable=False),
        sa.Column("run_worker_statuses", sa.Text),
        sa.Column("errors", sa.JSON, nullable=False),
    )


def _tokens() -> None:
    op.create_table(
        "tokens",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False, unique=True),
        sa.Column("deployments", sa.JSON),
        sa.Column("queues", sa.JSON),
        sa.Column("branch_deployments", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("revoked_at", sa.Float),
        sa.Column("last_used_at", sa.Float),
    )
