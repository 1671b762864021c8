"""Code locations: what is deployed under a name, and how far loading it has come."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from dagstead.model.pex_names import names_in_tag, tag_of
from dagstead.plane.healing import Healing, RefusedCall


class LoadState(StrEnum):
    """How far agents have come with loading the newest deploy of a location."""

    #: No agent has reported yet. The live definitions still serve.
    LOADING = "loading"
    #: An agent uploaded the definitions.
    LOADED = "loaded"
    #: An agent reported that the definitions cannot be loaded.
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Deploy:
    """A deploy of a location: what agents need to load it."""

    #: The location's own part of the deployed document (``dagster_cloud.yaml`` form).
    document: Mapping[str, Any]
    #: The agent's form of the same: ``CodeLocationDeployData``, serialized, with ``deploy_id``.
    deploy_data: str
    #: Unique to this deploy.
    deploy_id: str
    #: ``None`` is the default queue.
    queue: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class NewLocation:
    """A location that is being deployed."""

    name: str
    #: The location's own part of the deployed document (``dagster_cloud.yaml`` form).
    document: Mapping[str, Any]
    #: The agent's form of the same: ``CodeLocationDeployData``, serialized, with ``deploy_id``.
    deploy_data: str
    #: Unique to this deploy.
    deploy_id: str
    #: ``None`` is the default queue.
    queue: str | None

    @property
    def pex_files(self) -> list[str]:
        """The names of the PEX files that it needs."""
        return pex_files_of(self.document)

    @property
    def image(self) -> str | None:
        """The image that it runs in, or that its PEX files are put into."""
        return image_of(self.document)

    def with_image(self, image: str) -> NewLocation:
        """The same with another name for its image, in both forms of what is deployed."""
        # In the form of agents it is the value of a key, or stands nowhere.
        named, meant = (f'"image": {json.dumps(each)}' for each in (self.image, image))
        document = {**self.document, "image": image}
        return replace(self, document=document, deploy_data=self.deploy_data.replace(named, meant))

    def with_pex_files(self, names: Mapping[str, str]) -> NewLocation:
        """The same with other names for its PEX files, in both forms of what is deployed."""
        if not names:
            return self
        metadata = self.document["pex_metadata"]
        tag = tag_of([names[file] for file in self.pex_files])
        # In the form of agents it is a JSON text of its own.
        data = self.deploy_data.replace(json.dumps(metadata["pex_tag"]), json.dumps(tag))
        document = {**self.document, "pex_metadata": {**metadata, "pex_tag": tag}}
        return replace(self, document=document, deploy_data=data)


def image_of(document: Mapping[str, Any]) -> str | None:
    """The image that a location with this document names."""
    return document.get("image")


def pex_files_of(document: Mapping[str, Any]) -> list[str]:
    """The names of the PEX files that a location with this document needs."""
    metadata = document.get("pex_metadata")
    return names_in_tag(metadata["pex_tag"]) if metadata else []


@dataclass(frozen=True, kw_only=True, slots=True)
class Location:
    """A deployed location.

    Agents run the deploy of the open release. Without one, and after a release that failed, they
    run the live deploy.
    """

    deployment: str
    name: str
    document: Mapping[str, Any]
    deploy_data: str
    deploy_id: str
    queue: str | None
    state: LoadState
    #: Agents look for a change of it. Every deploy raises it by at least one second, because the
    #: official PEX server handle keeps whole seconds only.
    timestamp: float
    #: The definitions that serve, of the deploy ``manifest_deploy_id``: a packed
    #: ``DagsterCloudCodeLocationManifest``. ``None`` until some go live for the first time.
    manifest: str | None
    manifest_deploy_id: str | None
    #: The deploy that went live last; the location returns to it when a release fails.
    live: Deploy | None
    #: The number of the release that brought it; ``None`` if that was not recorded.
    release: int | None
    #: The number of the release that is loading it.
    open_release: int | None
    #: A serialized ``SerializableErrorInfo``: why the newest deploy could not be loaded.
    error: str | None
    #: A sentence for people on how the newest release failed, if it did.
    notice: str | None
    updated_at: float
    #: Grows with every change of this row.
    version: int
    #: How often it was tried again, since its code could no longer be loaded.
    healing: Healing | None = None
    #: The last call, if its agent could not reach the code server.
    refused: RefusedCall | None = None

    @property
    def live_document(self) -> Mapping[str, Any] | None:
        """The document that went live last."""
        return None if self.live is None else self.live.document

    @property
    def queues(self) -> frozenset[str | None]:
        """The queues of the agents that run it: of the newest deploy, and of the live one."""
        live = set() if self.live is None else {self.live.queue}
        return frozenset({self.queue, *live})

    def queue_of(self, deploy_id: str | None) -> str | None:
        """The queue of the deploy that an agent reports on; ``None`` in place of an id: the newest.

        Reports about other deploys than the live one and the newest do not count anyway.
        """
        if self.live is not None and deploy_id == self.live.deploy_id:
            return self.live.queue
        return self.queue

    @property
    def source(self) -> int | Deploy | None:
        """What is live: the number of the release that brought it, or else the deploy itself."""
        return self.release if self.live is not None and self.release is not None else self.live

    @property
    def serves_older_definitions(self) -> bool:
        """Whether the definitions that serve are older than the newest deploy."""
        return self.manifest is not None and self.manifest_deploy_id != self.deploy_id

    @property
    def is_loading(self) -> bool:
        """Whether somebody waits for it. Nobody waits for what the control plane does by itself."""
        if self.open_release is not None:
            return True
        asked = self.notice is None and self.healing is None
        return self.state is LoadState.LOADING and asked

    @property
    def is_broken(self) -> bool:
        """Whether the version that should serve cannot be loaded, or none ever could."""
        if self.is_loading:
            return False
        return self.state is LoadState.FAILED or self.healing is not None or self.manifest is None

    @property
    def is_returning(self) -> bool:
        """Whether an agent is starting the live version again, after a release that failed."""
        returns = self.state is LoadState.LOADING and self.notice is not None
        return returns and self.open_release is None and self.healing is None
