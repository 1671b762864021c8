"""The control plane's own tables. One definition for both databases; migrations build the same."""

from dagstead.store.tables.access import (
    former_secrets,
    made_by_workers,
    pex_files,
    secrets,
    sessions,
    sign_in_links,
    token_calls,
    tokens,
    trust_pins,
    trust_policies,
    used_ci_tokens,
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
from dagstead.store.tables.trail import trail, trail_begun, trail_head, trail_sinks
from dagstead.store.tables.waits import noted_waits, refused_callers

__all__ = [
    "deletions",
    "deployments",
    "former_secrets",
    "heartbeats",
    "launches",
    "leader",
    "locations",
    "made_by_workers",
    "metadata",
    "noted_waits",
    "pex_files",
    "properties",
    "queues_from_json",
    "queues_to_json",
    "refused_callers",
    "release_parts",
    "releases",
    "requests",
    "secrets",
    "sessions",
    "sign_in_links",
    "token_calls",
    "tokens",
    "trail",
    "trail_begun",
    "trail_head",
    "trail_sinks",
    "trust_pins",
    "trust_policies",
    "used_ci_tokens",
    "worker_tokens",
    "workspace_versions",
    "writes",
]
