"""The tables of deployments: their locations, releases, work and agents."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from dagstead.store.tables.base import ID, metadata

deployments = Table(
    "deployments",
    metadata,
    Column("id", ID, primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("closed", Boolean, nullable=False),
    Column("branch", JSON),
    Column("base", String(64)),
    #: Of a branch deployment: the verified project of the job that made it.
    Column("project", JSON(none_as_null=True)),
    Column("settings", JSON, nullable=False),
    Column("version", Integer, nullable=False),
)

#: Of branch deployments that CI has made or updated since it is recorded.
branches = Table(
    "branches",
    metadata,
    Column(
        "deployment",
        String(64),
        ForeignKey("deployments.name", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("opened_at", Float, nullable=False),
    Column("condition", String(16)),
    #: What it is compared with: base, taken_at, and manifests by location.
    Column("snapshot", JSON(none_as_null=True)),
)

locations = Table(
    "locations",
    metadata,
    Column("id", ID, primary_key=True),
    Column(
        "deployment",
        String(64),
        ForeignKey("deployments.name", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("name", String(255), nullable=False),
    Column("document", JSON, nullable=False),
    Column("deploy_data", Text, nullable=False),
    Column("deploy_id", String(64), nullable=False),
    Column("queue", String(255)),
    Column("state", String(16), nullable=False),
    Column("timestamp", Float, nullable=False),
    Column("manifest", Text),
    Column("manifest_deploy_id", String(64)),
    Column("error", Text),
    Column("updated_at", Float, nullable=False),
    Column("version", BigInteger, nullable=False),
    #: The deploy that went live last: document, deploy_data, deploy_id, queue. A location returns
    #: to it when a release fails.
    Column("live", JSON(none_as_null=True)),
    Column("release", Integer),
    Column("open_release", Integer),
    Column("notice", Text),
    #: How often it was tried again since it fell into error, and the last call that was refused.
    Column("healing", JSON(none_as_null=True)),
    Column("refused", JSON(none_as_null=True)),
    UniqueConstraint("deployment", "name", name="uq_locations_deployment_name"),
)

releases = Table(
    "releases",
    metadata,
    Column(
        "deployment",
        String(64),
        ForeignKey("deployments.name", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("number", Integer, primary_key=True),
    Column("state", String(16), nullable=False),
    Column("atomic", Boolean, nullable=False),
    Column("cause", String(16), nullable=False),
    Column("back_to", Integer),
    Column("commit_hash", Text),
    Column("url", Text),
    Column("by", Text),
    Column("removes", JSON, nullable=False),
    Column("reason", Text),
    Column("created_at", Float, nullable=False),
    Column("ended_at", Float),
    #: What was live in the deployment when it ended, by location: the number of the release that
    #: brought it, or where there is none, a deploy as in `locations.live`.
    Column("live", JSON(none_as_null=True)),
    #: The release that a rollback undoes.
    Column("undoes", Integer),
    #: As `live`, for the locations that it changed, right before it did; null for nothing.
    Column("before", JSON(none_as_null=True)),
)

#: One row per location of a release.
release_parts = Table(
    "release_parts",
    metadata,
    Column("deployment", String(64), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("queue", String(255)),
    Column("document", JSON, nullable=False),
    Column("deploy_data", Text, nullable=False),
    Column("deploy_id", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("phase", String(16), nullable=False),
    Column("doubtful", Boolean, nullable=False),
    Column("error", Text),
    #: Definitions that wait for those of the other locations.
    Column("manifest", Text),
    ForeignKeyConstraint(
        ["deployment", "number"],
        ["releases.deployment", "releases.number"],
        ondelete="CASCADE",
        name="fk_release_parts_releases",
    ),
)

#: One row per deployment. Every change of its locations, also a removal, raises the version: one
#: cheap query shows readers whether their workspace is still current.
workspace_versions = Table(
    "workspace_versions",
    metadata,
    Column(
        "deployment",
        String(64),
        ForeignKey("deployments.name", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("version", BigInteger, nullable=False),
)

requests = Table(
    "requests",
    metadata,
    Column("seq", ID, primary_key=True),
    Column("id", String(64), nullable=False, unique=True),
    Column("api", String(64), nullable=False),
    Column(
        "deployment",
        String(64),
        ForeignKey("deployments.name", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("is_branch", Boolean, nullable=False),
    Column("queue", String(255)),
    Column("location", String(255)),
    Column("run_id", String(64)),
    Column("for_token", BigInteger),
    Column("body", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("leased_at", Float),
    Column("leased_by", BigInteger),
    Column("deliveries", Integer, nullable=False),
    Column("begun_by", String(64)),
    Column("answer", Text),
    Column("answered_at", Float),
)
Index("ix_requests_state_deployment", requests.c.state, requests.c.deployment)
Index("ix_requests_run", requests.c.run_id)

#: What becomes of runs. Dagster's storage shows what is decided here, a moment later.
launches = Table(
    "launches",
    metadata,
    Column(
        "deployment",
        String(64),
        ForeignKey("deployments.name", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("run_id", String(64), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("state", String(16), nullable=False),
    Column("request_id", String(64)),
    Column("location", String(255)),
    Column("queue", String(255)),
    Column("max_runtime_seconds", Float),
    Column("in_code_server", Boolean, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("offered_at", Float),
    Column("taken_at", Float),
    Column("begun_at", Float),
    Column("begun_by", String(64)),
    #: The token of that agent.
    Column("begun_with", BigInteger),
    Column("answered_at", Float),
    Column("started_at", Float),
    Column("asked_at", Float),
    Column("asked_times", Integer, nullable=False),
    Column("unknown_since", Float),
    #: The wish that it ends: end, by, reason, asked_at.
    Column("stop", JSON(none_as_null=True)),
    Column("ended_at", Float),
    #: How it ended: status, how, by, reason, exit_code, event.
    Column("ending", JSON(none_as_null=True)),
    Column("is_shown", Boolean, nullable=False),
    #: The key of the queue that it was on before its fallback.
    Column("fell_from", String(256)),
)
Index("ix_launches_state_is_shown", launches.c.state, launches.c.is_shown)
Index("ix_launches_taken_at", launches.c.taken_at)

#: One row per token, agent and deployment: nobody can write over the row of another token. Servers
#: of older versions know agents by their id alone, so the key has only that and the deployment. The
#: first token that reports an id has the row of that name; see `dagstead.store.agents`.
heartbeats = Table(
    "heartbeats",
    metadata,
    Column("agent_id", String(64), primary_key=True),
    Column(
        "deployment",
        String(64),
        ForeignKey("deployments.name", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("token_id", BigInteger, nullable=False),
    Column("received_at", Float, nullable=False),
    Column("first_received_at", Float, nullable=False),
    Column("label", Text),
    Column("type", Text),
    Column("version", Text),
    Column("queues", JSON, nullable=False),
    Column("branch_deployments", Boolean, nullable=False),
    Column("metadata", JSON, nullable=False),
    Column("run_worker_statuses", Text),
    Column("errors", JSON, nullable=False),
    #: What the agent says of its code servers: location, state and error.
    Column("code_servers", JSON),
    #: The id that the agent reports, where `agent_id` is another, made from its token and this one.
    Column("reported_id", String(64)),
)

#: Writes that were begun or done, by their Idempotency-Key.
writes = Table(
    "writes",
    metadata,
    Column("deployment", String(64), primary_key=True),
    Column("key", String(128), primary_key=True),
    Column("begun_at", Float, nullable=False),
    Column("done", Boolean, nullable=False),
)
Index("ix_writes_begun_at", writes.c.begun_at)

#: Deployments that were deleted, until everything that was stored for them is removed.
deletions = Table(
    "deletions",
    metadata,
    Column("deployment", String(64), primary_key=True),
    Column("deleted_at", Float, nullable=False),
)
