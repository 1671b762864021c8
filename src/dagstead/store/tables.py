"""The control plane's own tables. One definition for both databases; migrations build the same."""

from __future__ import annotations

from collections.abc import Iterable

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
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

#: SQLite counts up a primary key by itself only if its type is plain INTEGER.
_ID = BigInteger().with_variant(Integer, "sqlite")

deployments = Table(
    "deployments",
    metadata,
    Column("id", _ID, primary_key=True),
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

locations = Table(
    "locations",
    metadata,
    Column("id", _ID, primary_key=True),
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
    Column("seq", _ID, primary_key=True),
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
)
Index("ix_launches_state_is_shown", launches.c.state, launches.c.is_shown)

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

#: The newest calls with each token of an agent; of token 0, when a web server began to listen.
token_calls = Table(
    "token_calls",
    metadata,
    Column("token_id", BigInteger, primary_key=True, autoincrement=False),
    Column("polled_at", Float),
    Column("asked_at", Float),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("name", String(128), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("hash", String(64), nullable=False, unique=True),
    Column("deployments", JSON),
    Column("queues", JSON),
    Column("branch_deployments", Boolean, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("revoked_at", Float),
    Column("last_used_at", Float),
    Column("expires_at", Float),
    Column("repository", String(255)),
    Column("locations", JSON),
    # The grants of a token for all deployments that remain when that one is removed.
    Column("beside", JSON),
    # The kinds of secrets whose values it may show; null is by the kind of token.
    Column("secret_values", JSON),
    #: What was verified of the repository: path, provider, issuer, id.
    Column("project", JSON(none_as_null=True)),
    # The CI job that it was given to: issuer, project, is_pull_request.
    Column("job", JSON(none_as_null=True)),
    # User tokens; null is that it may do everything that the token grants.
    Column("roles", JSON(none_as_null=True)),
)

#: The tokens of processes of user code in managed pools. An end of one is the end of its row.
worker_tokens = Table(
    "worker_tokens",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("hash", String(64), nullable=False, unique=True),
    Column(
        "deployment",
        String(64),
        ForeignKey("deployments.name", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("location", String(255), nullable=False),
    Column("run_id", String(64)),
    Column("launch", Integer),
    #: The name of the pool's token, and the agent that had it.
    Column("pool", String(128), nullable=False),
    Column("agent_id", String(64), nullable=False),
    Column("created_at", Float, nullable=False),
    #: Null for workers of launches: they end with these.
    Column("expires_at", Float),
)
Index("ix_worker_tokens_run", worker_tokens.c.deployment, worker_tokens.c.run_id)

#: Runs and backfills that user code in a managed pool has made, and so may write to.
made_by_workers = Table(
    "made_by_workers",
    metadata,
    Column(
        "deployment",
        String(64),
        ForeignKey("deployments.name", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("id", String(64), primary_key=True),
    Column("location", String(255), nullable=False),
    #: The run whose code made it; null where a code server's did.
    Column("by_run", String(64)),
    Column("made_at", Float, nullable=False),
)

#: Browsers that are signed in, by the hash of what their cookie holds.
sessions = Table(
    "sessions",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("hash", String(64), nullable=False, unique=True),
    Column("token_id", _ID, ForeignKey("tokens.id", ondelete="CASCADE"), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
)
Index("ix_sessions_token", sessions.c.token_id)

#: Links that sign a person in once, by the hash of their secret part.
sign_in_links = Table(
    "sign_in_links",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("created_at", Float, nullable=False),
    Column("expires_at", Float, nullable=False),
    Column("used_at", Float),
)

#: Which jobs get a token of CI, and what it grants.
trust_policies = Table(
    "trust_policies",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("provider", String(16), nullable=False),
    Column("issuer", String(255), nullable=False),
    Column("claims", JSON, nullable=False),
    Column("deployments", JSON, nullable=False),
    Column("branch_deployments", Boolean, nullable=False),
    Column("locations", JSON),
    Column("minutes", Integer, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("last_used_at", Float),
    # Null is those that it gives by default.
    Column("roles", JSON(none_as_null=True)),
)

#: PEX files: which content was stored under a name, by those who may deploy the same. The content
#: is a file that all namespaces share.
pex_files = Table(
    "pex_files",
    metadata,
    Column("namespace", String(64), primary_key=True),
    Column("name", String(900), primary_key=True),
    Column("sha256", String(64), primary_key=True),
    #: What those may deploy who store files in the namespace.
    Column("uploader", JSON, nullable=False),
    Column("by", Text, nullable=False),
    Column("stored_at", Float, nullable=False),
)
Index("ix_pex_files_name", pex_files.c.name)

#: Variables of user code, one row for each place and name. Their values are encrypted.
secrets = Table(
    "secrets",
    metadata,
    Column("id", _ID, primary_key=True),
    #: A digest of the place and the name, to which the value is bound.
    Column("slot", String(64), nullable=False, unique=True),
    Column("name", String(255), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("deployment", String(64), ForeignKey("deployments.name", ondelete="CASCADE")),
    Column("location", String(255)),
    Column("batch", String(32), nullable=False),
    #: The id of the master key, and the envelope.
    Column("key", String(16), nullable=False),
    Column("sealed", JSON, nullable=False),
    Column("updated_at", Float, nullable=False),
    Column("updated_by", String(128), nullable=False),
)
Index("ix_secrets_deployment", secrets.c.deployment)

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

#: The organization's settings and the server's own secrets, by name.
properties = Table(
    "properties",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", JSON, nullable=False),
)

#: One row: the process that runs the daemons, and those that did before it, by their number.
leader = Table(
    "leader",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("epoch", BigInteger, nullable=False),
    Column("holder", Text),
    Column("session", Text),
    Column("since", Float, nullable=False),
    Column("renewed_at", Float, nullable=False),
    # The epoch is part of a key: on Postgres, statements that lock it in key share hold up a new
    # leader, which changes it, and not the renewals, which do not.
    UniqueConstraint("name", "epoch", name="uq_leader_name_epoch"),
)


def queues_to_json(queues: Iterable[str | None]) -> list[str | None]:
    """A set of agent queues as a column has it: names in order, ``null`` for the default queue."""
    named = set(queues)
    listed: list[str | None] = [*sorted(queue for queue in named if queue is not None)]
    return [*listed, None] if None in named else listed


def queues_from_json(queues: Iterable[str | None]) -> frozenset[str | None]:
    """The set of agent queues that a column has."""
    return frozenset(queues)
