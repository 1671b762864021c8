"""The definitions of bases, with which branch deployments are compared.

Open-source Dagster compares assets by itself where it is given those of a base deployment; it has
none. Those that were asked for last stay in memory.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from dagster._core.definitions.assets.graph.asset_graph_differ import AssetGraphDiffer
from dagster._core.definitions.assets.graph.remote_asset_graph import RemoteAssetGraph
from dagster._core.definitions.selector import RepositorySelector
from dagster._core.remote_origin import RegisteredCodeLocationOrigin
from dagster._core.remote_representation.external import RemoteRepository
from dagster._core.workspace.workspace import (
    CodeLocationEntry,
    CodeLocationLoadStatus,
    CurrentWorkspace,
    DefinitionsSource,
)

from dagstead.control.actor import SYSTEM
from dagstead.control.all import Control
from dagstead.engine.stored_definitions import StoredDefinitions
from dagstead.plane.branches import BaseDefinitions
from dagstead.plane.comparisons import AssetChange
from dagstead.plane.deployments import Deployment

logger = logging.getLogger(__name__)

#: How many bases stay in memory: most branch deployments have the same one.
_KEPT = 4
_REMOVED = "REMOVED"


class _Key(NamedTuple):
    base: str
    #: When the base was created: another one may have the same name.
    created_at: float
    #: Which version of its workspace, or which snapshot.
    moment: str


@dataclass(slots=True)
class BaseGraphs:
    """Reads the definitions of bases, and compares branch deployments with them."""

    control: Control
    definitions: StoredDefinitions
    _kept: OrderedDict[_Key, CurrentWorkspace] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, found: BaseDefinitions) -> CurrentWorkspace:
        """The locations of a base, with the definitions that count."""
        key = self._key(found)
        with self._lock:
            if key not in self._kept:
                manifests = self._manifests(found)
                self._kept[key] = self._workspace(found.base, manifests)
            self._kept.move_to_end(key)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
            return self._kept[key]

    def changes(self, branch: Deployment, found: BaseDefinitions) -> Iterator[AssetChange]:
        """The assets that are not the same in a branch deployment and in its base.

        Assets of locations that the branch deployment has not are not compared: it may have been
        deployed with those only that it is about.
        """
        base = self.of(found)
        workspace = self._workspace(branch, _live(self.control, branch))
        for name, entry in sorted(workspace.code_location_entries.items()):
            repositories = _repositories(entry)
            for repository in repositories.values():
                yield from _changed(repository, name, base)
            yield from _removed(name, repositories.values(), base)

    def _key(self, found: BaseDefinitions) -> _Key:
        base, snapshot = found.base, found.snapshot
        if snapshot is None:
            moment = f"now: {self.control.locations.version(SYSTEM, base)}"
        else:
            moment = f"then: {sorted(snapshot.manifests.items())}"
        return _Key(base.name, base.created_at, moment)

    def _manifests(self, found: BaseDefinitions) -> Mapping[str, str]:
        snapshot = found.snapshot
        return _live(self.control, found.base) if snapshot is None else snapshot.manifests

    def _workspace(self, deployment: Deployment, manifests: Mapping[str, str]) -> CurrentWorkspace:
        entries = {}
        for name, manifest in manifests.items():
            try:
                location = self.definitions.location(deployment, name, manifest)
            except Exception:
                # A location whose files are missing must not break the others.
                logger.exception("Cannot read the definitions of %s:%s", deployment.name, name)
                continue
            entries[name] = CodeLocationEntry(
                origin=RegisteredCodeLocationOrigin(name),
                code_location=location,
                load_error=None,
                load_status=CodeLocationLoadStatus.LOADED,
                display_metadata={},
                update_timestamp=0.0,
                version_key=name,
                definitions_source=DefinitionsSource.CODE_SERVER,
            )
        return CurrentWorkspace(entries)


def graph_of(base: CurrentWorkspace, selector: RepositorySelector | None) -> RemoteAssetGraph[Any]:
    """The assets of a base that those of a repository are compared with.

    Where the base has no such repository, it is all of its assets: they may have moved.
    """
    if selector is not None:
        repositories = _repositories(base.code_location_entries.get(selector.location_name))
        if selector.repository_name in repositories:
            return repositories[selector.repository_name].asset_graph
    return base.asset_graph


def _live(control: Control, deployment: Deployment) -> Mapping[str, str]:
    return {
        location.name: location.manifest
        for location in control.locations.all(SYSTEM, deployment)
        if location.manifest is not None
    }


def _repositories(entry: CodeLocationEntry | None) -> Mapping[str, RemoteRepository]:
    if entry is None or entry.code_location is None:
        return {}
    return entry.code_location.get_repositories()


def _changed(
    repository: RemoteRepository, location: str, base: CurrentWorkspace
) -> Iterator[AssetChange]:
    graph = graph_of(base, repository.handle.to_selector())
    is_moved = graph is base.asset_graph
    differ = AssetGraphDiffer(branch_asset_graph=repository.asset_graph, base_asset_graph=graph)
    for node in repository.asset_graph.asset_nodes:
        if is_moved and not node.is_executable:
            # It only stands for an asset of another location.
            continue
        reasons = differ.get_changes_for_asset(node.key)
        if reasons:
            yield AssetChange(
                asset=node.key.to_user_string(),
                location=location,
                reasons=tuple(sorted(reason.value for reason in reasons)),
            )


def _removed(
    location: str, repositories: Iterable[RemoteRepository], base: CurrentWorkspace
) -> Iterator[AssetChange]:
    now = {node.key for repository in repositories for node in repository.asset_graph.asset_nodes}
    for repository in _repositories(base.code_location_entries.get(location)).values():
        for node in repository.asset_graph.asset_nodes:
            if node.is_executable and node.key not in now:
                yield AssetChange(
                    asset=node.key.to_user_string(), location=location, reasons=(_REMOVED,)
                )
