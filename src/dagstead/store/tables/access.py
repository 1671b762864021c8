"""The tables of tokens and secrets, and of what they give access to."""

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
    false,
)

from dagstead.store.tables.base import ID, metadata

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
    Column("id", ID, primary_key=True),
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
    Column("is_pull_request", Boolean, nullable=False, server_default=false()),
    # User tokens; null is that it may do everything that the token grants.
    Column("roles", JSON(none_as_null=True)),
    # When it got the secret that it has now; null is when it was created.
    Column("rotated_at", Float),
    # The addresses that have used it, the newest first, each with the time.
    Column("used_from", JSON(none_as_null=True)),
)

#: What a token had for a secret before it was rotated, and until when that is accepted.
former_secrets = Table(
    "former_secrets",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("token_id", ID, ForeignKey("tokens.id", ondelete="CASCADE"), nullable=False),
    Column("expires_at", Float, nullable=False),
)
Index("ix_former_secrets_token", former_secrets.c.token_id)

#: The tokens of processes of user code in managed pools. An end of one is the end of its row.
worker_tokens = Table(
    "worker_tokens",
    metadata,
    Column("id", ID, primary_key=True),
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
    Column("id", ID, primary_key=True),
    Column("hash", String(64), nullable=False, unique=True),
    Column("token_id", ID, ForeignKey("tokens.id", ondelete="CASCADE"), nullable=False),
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
    Column("id", ID, primary_key=True),
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

#: The provider's numbers of repositories and of their owners, from the first login on.
trust_pins = Table(
    "trust_pins",
    metadata,
    Column("issuer", String(255), primary_key=True),
    Column("path", String(512), primary_key=True),
    Column("number", String(64), nullable=False),
    Column("pinned_at", Float, nullable=False),
)

#: Tokens of CI jobs that were exchanged, until they expire: each is exchanged once.
used_ci_tokens = Table(
    "used_ci_tokens",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("expires_at", Float, nullable=False),
)
Index("ix_used_ci_tokens_expires_at", used_ci_tokens.c.expires_at)

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

#: Images that were pushed into the installation's registry, which has them; see `pex_files`.
pushed_images = Table(
    "pushed_images",
    metadata,
    Column("repository", String(255), primary_key=True),
    #: Empty for what was pushed by its digest.
    Column("tag", String(128), primary_key=True),
    Column("digest", String(80), primary_key=True),
    Column("namespace", String(64), primary_key=True),
    Column("uploader", JSON, nullable=False),
    Column("by", Text, nullable=False),
    #: Of its layers, in bytes.
    Column("size", BigInteger, nullable=False),
    #: The digests of what it consists of, where it is for several platforms.
    Column("parts", JSON, nullable=False),
    Column("pushed_at", Float, nullable=False),
    #: When a sweep last found that something needs it; at first, when it was pushed.
    Column("needed_at", Float, nullable=False),
)

#: Variables of user code, one row for each place and name. Their values are encrypted.
secrets = Table(
    "secrets",
    metadata,
    Column("id", ID, primary_key=True),
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
