"""Code locations: what was deployed under a name, and how far loading it has come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class LoadState(StrEnum):
    """How far agents have come with what they are to run of a location."""

    #: No agent has answered yet. The definitions that are live still serve.
    LOADING = "loading"
    #: An agent uploaded the definitions.
    LOADED = "loaded"
    #: An agent reported that they cannot be loaded.
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Deploy:
    """One deploy of a location: what agents need to load it."""

    #: The location's own part of the deployed document (``dagster_cloud.yaml`` form).
    document: Mapping[str, Any]
    #: The agent's form of the same: ``CodeLocationDeployData``, serialized, with ``deploy_id``.
    deploy_data: str
    #: Names this deploy, unique.
    deploy_id: str
    #: ``None`` is the default queue.
    queue: str | None


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

    @property
    def pex_files(self) -> list[str]:
        """The PEX files that it needs, by name."""
        metadata = self.document.get("pex_metadata")
        return metadata["pex_tag"].removeprefix("files=").split(":") if metadata else []


@dataclass(frozen=True, kw_only=True, slots=True)
class Location:
    """A deployed location.

    What agents are to run is that of the open release; else what is live, also after a release
    that failed.
    """

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
    #: first time that they go live. They are of ``manifest_deploy_id``.
    manifest: str | None
    manifest_deploy_id: str | None
    #: What went live last, and is returned to when a release fails.
    live: Deploy | None
    #: The number of the release that they are of; ``None`` if that was not recorded.
    release: int | None
    #: The number of the release that is loading it.
    open_release: int | None
    #: A serialized ``SerializableErrorInfo``: why the newest deploy could not be loaded.
    error: str | None
    #: A sentence for people: what became of the newest release, when it failed.
    notice: str | None
    updated_at: float
    #: Grows with every change of this row.
    version: int

    @property
    def live_document(self) -> Mapping[str, Any] | None:
        """The document that went live last."""
        return None if self.live is None else self.live.document

    @property
    def serves_older_definitions(self) -> bool:
        """Whether what serves is of an earlier deploy than the newest one."""
        return self.manifest is not None and self.manifest_deploy_id != self.deploy_id

    @property
    def is_loading(self) -> bool:
        """Whether people wait for it. A return to what was live before is not waited for."""
        if self.open_release is not None:
            return True
        return self.state is LoadState.LOADING and self.notice is None

    @property
    def shown_state(self) -> LoadState:
        """How every list shows it.

        It has loaded when its definitions serve, also those before a release that failed; it has
        failed when what is to serve cannot be loaded, or nothing ever could.
        """
        if self.is_loading:
            return LoadState.LOADING
        if self.state is LoadState.FAILED or self.manifest is None:
            return LoadState.FAILED
        return LoadState.LOADED

    @property
    def is_returning(self) -> bool:
        """Whether an agent is starting what was live before, after a release that failed."""
        return (
            self.open_release is None
            and self.state is LoadState.LOADING
            and self.notice is not None
        )
