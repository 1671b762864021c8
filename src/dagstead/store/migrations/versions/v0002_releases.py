"""Releases."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create their tables; what is live stays live."""
    op.create_table(
        "releases",
        sa.Column(
            "deployment",
            sa.String(64),
            sa.ForeignKey("deployments.name", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("atomic", sa.Boolean, nullable=False),
        sa.Column("cause", sa.String(16), nullable=False),
        sa.Column("back_to", sa.Integer),
        sa.Column("commit_hash", sa.Text),
        sa.Column("url", sa.Text),
        sa.Column("by", sa.Text),
        sa.Column("removes", sa.JSON, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("ended_at", sa.Float),
    )
    op.create_table(
        "release_parts",
        sa.Column("deployment", sa.String(64), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(255), primary_key=True),
        sa.Column("queue", sa.String(255)),
        sa.Column("document", sa.JSON, nullable=False),
        sa.Column("deploy_data", sa.Text, nullable=False),
        sa.Column("deploy_id", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("phase", sa.String(16), nullable=False),
        sa.Column("doubtful", sa.Boolean, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("manifest", sa.Text),
        sa.ForeignKeyConstraint(
            ["deployment", "number"],
            ["releases.deployment", "releases.number"],
            ondelete="CASCADE",
            name="fk_release_parts_releases",
        ),
    )
    for name, kind in (
        ("live", sa.JSON),
        ("release", sa.Integer),
        ("open_release", sa.Integer),
        ("notice", sa.Text),
    ):
        op.add_column("locations", sa.Column(name, kind))
    _keep_live()


def _keep_live() -> None:
    """Note what serves now as what a release that fails goes back to."""
    locations = sa.table(
        "locations",
        sa.column("id"),
        sa.column("document", sa.JSON),
        sa.column("deploy_data"),
        sa.column("deploy_id"),
        sa.column("queue"),
        sa.column("manifest_deploy_id"),
        sa.column("live", sa.JSON),
    )
    connection = op.get_bind()
    serving = sa.select(locations).where(locations.c.deploy_id == locations.c.manifest_deploy_id)
    for row in connection.execute(serving).all():
        live = {
            "document": row.document,
            "deploy_data": row.deploy_data,
            "deploy_id": row.deploy_id,
            "queue": row.queue,
        }
        connection.execute(sa.update(locations).where(locations.c.id == row.id).values(live=live))
