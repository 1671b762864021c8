"""A deployment's workspace: its current locations, in the form of open-source Dagster."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from itertools import count
from typing import Any, NamedTuple

from dagster import DagsterInstance
from dagster import __version__ as dagster_version
from dagster._core.definitions.assets.graph.remote_asset_graph import RemoteAssetGraph
from dagster._core.definitions.selector import (
    JobSelector,
    JobSubsetSelector,
    RepositorySelector,
)
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.remote_origin import CodeLocationOrigin, RegisteredCodeLocationOrigin
from dagster._core.remote_representation.grpc_server_state_subscriber import (
    LocationStateSubscriber,
)
from dagster._core.workspace.context import WorkspaceProcessContext, WorkspaceRequestContext
from dagster._core.workspace.permissions import PermissionResult
from dagster._core.workspace.workspace import (
    CodeLocationEntry,
    CurrentWorkspace,
)
from dagster_shared.error import SerializableErrorInfo

from dagstead.control.actor import NOBODY, SYSTEM, Actor
from dagstead.control.all import Control
from dagstead.engine.base_graphs import graph_of
from dagstead.engine.code_location import AgentCodeLocation
from dagstead.engine.instances import Instances
from dagstead.engine.location_entries import outcome_entry, serving_entry, shown_entry
from dagstead.engine.permissions import permissions_at_location, permissions_of
from dagstead.errors import StoreAwayError
from dagstead.plane.deployments import Deployment
from dagstead.plane.location_status import Condition, LocationStatus
from dagstead.plane.locations import Location
from dagstead.plane.tokens import Token

logger = logging.getLogger(__name__)

#: How long statuses are kept: the UI asks several times in a second.
_STATUS_SECONDS = 1.0

#: Of a location that was removed while its status was read.
_UNKNOWN = LocationStatus(condition=Condition.LOADING)


class _LocationEntries(NamedTuple):
    """The entries that were made from a version of a location."""

    version: int
    manifest: str | None
    location: Location
    #: For daemons; people get it with the location's status.
    serving: CodeLocationEntry


class _Shown(NamedTuple):
    """What people see, made from a version of the workspace and the statuses of a moment."""

    version: int
    at: float
    statuses: Mapping[str, LocationStatus]
    workspace: CurrentWorkspace


class DeploymentRequestContext(WorkspaceRequestContext):
    """The context of resolvers during a request: the workspace, and the control plane."""

    def __init__(
        self,
        *,
        workspace: DeploymentWorkspace,
        current: CurrentWorkspace,
        deployment: Deployment,
        actor: Actor,
        base_url: str,
        source: object | None,
    ) -> None:
        super().__init__(
            instance=workspace.instances.get(deployment),
            current_workspace=current,
            process_context=workspace,
            version=workspace.version,
            source=source,
            read_only=False,
        )
        self.workspace = workspace
        self.deployment = deployment
        #: The caller.
        self.actor = actor
        #: The address at which callers reach this server.
        self.base_url = base_url
        self._base: CurrentWorkspace | None = None

    @property
    def control(self) -> Control:
        """The acts and views of the control plane."""
        return self.workspace.control

    @property
    def permissions(self) -> Mapping[str, PermissionResult]:
        """What the caller may do in the whole deployment."""
        return permissions_of(self.actor.role_in(self.deployment))

    def permissions_for_location(self, *, location_name: str) -> Mapping[str, PermissionResult]:
        """What the caller may do at a code location."""
        return permissions_at_location(self.actor.role_at(self.deployment, location_name))

    @property
    def show_instance_config(self) -> bool:
        """Whether the instance's configuration is shown: it has paths of the server's machine."""
        return self.actor.is_unlimited

    def get_base_deployment_asset_graph(
        self, repository_selector: RepositorySelector | None
    ) -> RemoteAssetGraph[Any] | None:
        """The assets that those of a branch deployment are compared with."""
        if not self.deployment.is_branch:
            return None
        if self._base is None:
            # Asked for with every asset.
            found = self.control.branches.base_definitions(SYSTEM, self.deployment)
            base_graphs = self.workspace.instances.base_graphs
            self._base = CurrentWorkspace({}) if found is None else base_graphs.of(found)
        if not self._base.code_location_entries:
            return None
        return graph_of(self._base, repository_selector)

    def reload_workspace(self) -> DeploymentRequestContext:
        """Have agents load all locations again."""
        return self._after_reload(None)

    def reload_code_location(self, name: str) -> DeploymentRequestContext:
        """Have agents load the location again."""
        return self._after_reload([name])

    def shutdown_code_location(self, name: str) -> None:
        """Reload it: code servers belong to agents, which then start a new one."""
        self._after_reload([name])

    def _after_reload(self, names: Sequence[str] | None) -> DeploymentRequestContext:
        self.control.locations.reload(self.actor, self.deployment, names)
        return self.workspace.create_request_context(self.source)

    def load_outcomes(self) -> Mapping[str, CodeLocationEntry]:
        """The entries that show for every location whether its newest load succeeded."""
        return {
            name: outcome_entry(entry) for name, entry in self.get_code_location_entries().items()
        }

    def has_job(self, selector: JobSubsetSelector | JobSelector) -> bool:
        """Whether a location has a job.

        Raises:
            DagsterCodeLocationLoadError: when the location cannot be loaded. Those who launch the
                job must learn that; open-source Dagster would answer that the job does not exist.
        """
        entry = self.get_location_entry(selector.location_name)
        if entry and entry.code_location is None and entry.load_error is not None:
            self.get_code_location(selector.location_name)
        return super().has_job(selector)


class DeploymentWorkspace(WorkspaceProcessContext):
    """The locations of one deployment, rebuilt when the workspace version changes."""

    def __init__(
        self,
        name: str,
        instances: Instances,
        *,
        base_url: str,
        fixed: Deployment | None = None,
    ) -> None:
        """Nothing is read yet.

        Args:
            name: of the deployment.
            instances: of all deployments, with the store.
            base_url: the address that callers have of this server.
            fixed: the deployment, if this workspace is for its daemons, which are started again
                when it changes; if left out, it is read at every use.
        """
        # Not the base class's: it starts a registry of local code servers, which we do not have.
        self.name = name
        self._fixed = fixed
        self.instances = instances
        self.control = instances.control
        self.base_url = base_url
        self._stack = ExitStack()
        self._version = dagster_version
        self._read_only = False
        self._workspace_load_target = None
        self._lock = threading.Lock()
        self._refresh_lock = threading.Lock()
        self._watch_thread_shutdown_events: dict[str, threading.Event] = {}
        self._watch_threads: dict[str, threading.Thread] = {}
        self._state_subscribers_lock = threading.Lock()
        self._state_subscriber_id_iter = count()
        self._state_subscribers: dict[int, LocationStateSubscriber] = {}
        self._current_workspace = CurrentWorkspace(code_location_entries={})
        self._seen_version = -1
        #: The same with the locations' statuses, and without the definitions of broken ones.
        self._shown = _Shown(-1, 0.0, {}, self._current_workspace)
        self._built: dict[str, _LocationEntries] = {}

    @property
    def deployment(self) -> Deployment:
        """The deployment in its current state."""
        return self._fixed or self.control.deployments.named(SYSTEM, self.name)

    @property
    def instance(self) -> DagsterInstance:
        """The deployment's instance, with its current settings."""
        return self.instances.get(self.deployment)

    @property
    def _origins(self) -> Sequence[CodeLocationOrigin]:
        return [
            RegisteredCodeLocationOrigin(location.name)
            for location in self.control.locations.all(SYSTEM, self.deployment)
        ]

    def create_request_context(self, source: object | None = None) -> DeploymentRequestContext:
        """The current state, for one request or one round of a daemon.

        Args:
            source: the HTTP connection; its ``state`` has the caller's ``token``, and the
                ``base_url`` that the caller uses for this server. ``None`` for daemons.

        Raises:
            StoreAwayError: while the store is away.
            DagsterUserCodeUnreachableError: the same for daemons, which try again later what they
                cannot find the code of: any other error fails a schedule's tick for good.
        """
        try:
            deployment = self.deployment
            self._refresh(deployment)
        except StoreAwayError as error:
            if source is None:
                raise DagsterUserCodeUnreachableError(error.message) from error
            raise
        state = getattr(source, "state", None)
        actor = SYSTEM if source is None else _actor(state)
        return DeploymentRequestContext(
            workspace=self,
            current=self.get_current_workspace()
            if source is None
            else _cut(self._shown_to_people(deployment), actor),
            deployment=deployment,
            actor=actor,
            base_url=getattr(state, "base_url", self.base_url),
            source=source,
        )

    def refresh_workspace(self) -> None:
        """Rebuild the locations that have changed since the last time."""
        self._refresh(self.deployment)

    def _refresh(self, deployment: Deployment) -> None:
        locations = self.control.locations
        if locations.version(SYSTEM, deployment) == self._seen_version:
            return
        with self._refresh_lock:
            version = locations.version(SYSTEM, deployment)
            if version == self._seen_version:
                return
            self._built = {
                location.name: self._build(location)
                for location in locations.all(SYSTEM, deployment)
            }
            serving = CurrentWorkspace({name: built.serving for name, built in self._built.items()})
            with self._lock:
                self._current_workspace = serving
            self._seen_version = version

    def _shown_to_people(self, deployment: Deployment) -> CurrentWorkspace:
        """The workspace with the status that every location has now, or had a second ago."""
        known, now = self._shown, self.control.clock()
        is_new = 0 <= now - known.at < _STATUS_SECONDS
        version, built = self._seen_version, self._built
        if known.version == version and is_new:
            return known.workspace
        statuses = self.control.statuses.all(SYSTEM, deployment)
        workspace = known.workspace
        if known.version != version or known.statuses != statuses:
            workspace = CurrentWorkspace(
                {
                    name: shown_entry(one.location, one.serving, statuses.get(name, _UNKNOWN))
                    for name, one in built.items()
                }
            )
        self._shown = _Shown(version, now, statuses, workspace)
        return workspace

    def reload_workspace(self) -> None:
        """Have agents load all locations again."""
        self.control.locations.reload(SYSTEM, self.deployment)

    def reload_code_location(self, name: str) -> None:
        """Have agents load the location again."""
        self.control.locations.reload(SYSTEM, self.deployment, [name])

    def refresh_code_location(self, name: str) -> None:  # noqa: ARG002 - upstream's
        """Read the current state of all locations."""
        self.refresh_workspace()

    def shutdown_code_location(self, name: str) -> None:
        """Reload it: code servers belong to agents, which then start a new one."""
        self.reload_code_location(name)

    def __exit__(self, *_exception: object) -> None:
        self._stack.close()

    def _build(self, location: Location) -> _LocationEntries:
        known = self._built.get(location.name)
        if known and known.version == location.version:
            return known
        code_location, unreadable = self._code_location(location)
        serving = serving_entry(location, code_location, unreadable)
        return _LocationEntries(location.version, location.manifest, location, serving)

    def _code_location(
        self, location: Location
    ) -> tuple[AgentCodeLocation | None, SerializableErrorInfo | None]:
        if location.manifest is None:
            return None, None
        known = self._built.get(location.name)
        # A reload may bring other definitions of the same deploy.
        if known and known.manifest == location.manifest:
            kept = known.serving.code_location
            if isinstance(kept, AgentCodeLocation):
                return kept, None
        try:
            return (
                self.instances.definitions.location(
                    self.deployment,
                    location.name,
                    location.manifest,
                    deploy_id=location.manifest_deploy_id,
                    for_daemons=self._fixed is not None,
                ),
                None,
            )
        except Exception as error:
            # A location whose files are missing must not break the whole workspace.
            logger.exception("Cannot read the definitions of %s:%s", self.name, location.name)
            return None, SerializableErrorInfo(
                message=(
                    f"The stored definitions of {location.name!r} cannot be read "
                    f"({type(error).__name__}). Deploy the location again.\n"
                ),
                stack=[],
                cls_name=type(error).__name__,
            )


def _cut(workspace: CurrentWorkspace, actor: Actor) -> CurrentWorkspace:
    """The locations that the actor may see."""
    if not actor.is_of_locations:
        return workspace
    entries = workspace.code_location_entries
    return CurrentWorkspace(
        {name: entry for name, entry in entries.items() if actor.sees_location(name)}
    )


def _actor(state: object) -> Actor:
    token: Token | None = getattr(state, "token", None)
    address: str | None = getattr(state, "address", None)
    return NOBODY if token is None else Actor.holding(token, address)
