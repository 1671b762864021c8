"""Code locations: what was deployed under a name, and how far loading it has come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class LoadState(StrEnum):
    """How far the newest deploy of a location has come."""

    #: Deployed; no agent has answered yet. The definitions of the deploy before still serve.
    LOADING = "loading"
    #: An agent uploaded the definitions of the newest deploy.
    LOADED = "loaded"
    #: An agent reported that the newest deploy cannot be loaded.
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class NewLocation:
    """A location as somebody deploys it."""

    name: str
    #: The location's own part of the deployed document (``dagster_cloud.yaml`` form).
    document: Mapping[str, Any]
    #: The agent's form of the same: ``CodeLocationDeployData``, serialized, with ``deploy_id``.
    deploy_data: str
    #: Names this deploy, unique.
    deploy_id: str
    #: ``None`` is the default queue.
    queue: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Location:
    """A deployed location."""

    deployment: str
    name: str
    document: Mapping[str, Any]
    deploy_data: str
    deploy_id: str
    queue: str | None
    state: LoadState
    #: The agent compares it for change; it grows by at least one second with each deploy, because
    #: the official PEX server handle keeps whole seconds only.
    timestamp: float
    #: The definitions that serve: a packed ``DagsterCloudCodeLocationManifest``; ``None`` until the
    #: first load. It is of ``manifest_deploy_id``, which may be an older deploy.
    manifest: str | None
    manifest_deploy_id: str | None
    #: A serialized ``SerializableErrorInfo`` of the newest deploy.
    error: str | None
    updated_at: float
    #: Grows with every change of this row.
    version: int
