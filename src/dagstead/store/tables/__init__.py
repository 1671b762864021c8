"""The control plane's own tables. One definition for both databases; migrations build the same."""

from dagstead.store.tables.access import (
    made_by_workers,
    pex_files,
    secrets,
    sessions,
    sign_in_links,
    token_calls,
    tokens,
    trust_policies,
    worker_tokens,
)
from dagstead.store.tables.base import metadata, queues_from_json, queues_to_json
from dagstead.store.tables.deployments import (
    deletions,
    deployments,
    heartbeats,
    launches,
    locations,
    release_parts,
    releases,
    requests,
    workspace_versions,
    writes,
)
from dagstead.store.tables.organization import leader, properties

__all__ = [
    "deletions",
    "deployments",
    "heartbeats",
    "launches",
    "leader",
    "locations",
    "made_by_workers",
    "metadata",
    "pex_files",
    "properties",
    "queues_from_json",
    "queues_to_json",
    "release_parts",
    "releases",
    "requests",
    "secrets",
    "sessions",
    "sign_in_links",
    "token_calls",
    "tokens",
    "trust_policies",
    "worker_tokens",
    "workspace_versions",
    "writes",
]
