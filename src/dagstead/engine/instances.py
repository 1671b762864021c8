"""Dagster instances: every deployment has its own, made from its settings."""

from __future__ import annotations

import fcntl
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from dagster import DagsterInstance
from dagster._core.instance.ref import InstanceRef
from dagster_postgres import PostgresRunStorage, PostgresScheduleStorage
from sqlalchemy.engine import URL, make_url

from dagstead.control.all import control_over
from dagstead.control.image_registry import ImageRegistry
from dagstead.engine.automations import Automations
from dagstead.engine.base_graphs import BaseGraphs
from dagstead.engine.blank_storage import make_blank_storage, sqlite_settings
from dagstead.engine.calls import AgentCalls
from dagstead.engine.connections import SharedConnections
from dagstead.engine.daemon_health import statuses_of
from dagstead.engine.deployment_instance import DeploymentInstance
from dagstead.engine.instance_settings import instance_settings
from dagstead.engine.late_schedules import LateSchedules
from dagstead.engine.orchestration import DagsterOrchestration
from dagstead.engine.postgres_storages import GroupedPostgresEventLog
from dagstead.engine.run_gate import RunGate
from dagstead.engine.run_launcher import AgentRunLauncher
from dagstead.engine.sqlite_storages import close_idle
from dagstead.engine.storage_upgrades import upgrade_storage
from dagstead.engine.stored_definitions import StoredDefinitions
from dagstead.errors import DeploymentNotFoundError
from dagstead.plane.deployments import Deployment
from dagstead.plane.traces import NO_TRACER, Tracer
from dagstead.store.all import Store
from dagstead.store.database import deployment_schema
from dagstead.store.lines import KEEP_ALIVE


@dataclass(frozen=True, slots=True)
class _OpenInstance:
    instance: DagsterInstance
    #: When the deployment was created, and its version: one that was removed and made again may
    #: have the same version.
    of: tuple[float, int]


class Instances:
    """Keeps instances open for the life of the process, and reopens them when settings change."""

    def __init__(
        self,
        store: Store,
        folder: Path,
        postgres_url: str | None,
        pool_folder: Path | None = None,
        tracer: Tracer = NO_TRACER,
        registry: ImageRegistry | None = None,
    ) -> None:
        """Nothing is opened yet.

        Args:
            store: of the control plane.
            folder: has a sub-folder per deployment, with SQLite files and captured logs.
            pool_folder: the managed pool's, if it is on this machine: has a sub-folder per
                deployment, with what steps have stored.
            postgres_url: ``None`` keeps the storage of a deployment in its folder.
            tracer: gets reports on releases, runs and requests.
            registry: of images, if the installation has one.
        """
        self.store = store
        self.folder = folder
        self.pool_folder = pool_folder
        self.postgres_url = postgres_url
        self._open: dict[str, _OpenInstance] = {}
        self._lock = threading.RLock()
        #: The acts and views of the control plane, with these instances as its Dagster.
        self.control = control_over(store, store.bell, lambda: self.orchestration, tracer, registry)
        #: Code locations of Dagster, made from what agents have uploaded.
        self.definitions = StoredDefinitions(self.calls, self.get)
        #: What branch deployments are compared with.
        self.base_graphs = BaseGraphs(self.control, self.definitions)
        #: Schedules and sensors, as their definitions say.
        self.automations = Automations(control=self.control, definitions=self.definitions)
        #: Which schedules do not tick.
        self.late_schedules = LateSchedules(automations=self.automations, instance_of=self.get)
        self._connections = (
            SharedConnections(_of_psycopg2(postgres_url), store.database.fence)
            if postgres_url
            else None
        )

    @property
    def calls(self) -> AgentCalls:
        """Calls on agents."""
        return AgentCalls(self.control)

    @property
    def orchestration(self) -> DagsterOrchestration:
        """The port through which acts ask Dagster."""
        return DagsterOrchestration(
            instance_of=self.get,
            calls=self.calls,
            base_graphs=self.base_graphs,
            automations=self.automations,
            schedules=self.late_schedules,
            drop_stored=self.drop,
        )

    def get(self, deployment: Deployment) -> DagsterInstance:
        """The instance of a deployment, opened at the first call.

        Raises:
            DeploymentNotFoundError: when the deployment was deleted meanwhile.
        """
        with self._lock:
            known = self._open.get(deployment.name)
            of = (deployment.created_at, deployment.version)
            if known and known.of == of:
                return known.instance
            instance = self._create(deployment)
            # The old instance is not disposed, as running requests may still use it.
            self._open[deployment.name] = _OpenInstance(instance, of)
            return instance

    def drop(self, name: str) -> None:
        """Close a deployment's instance, and remove everything that was stored for it."""
        with self._lock:
            known = self._open.pop(name, None)
            if known:
                known.instance.dispose()
        home = self.folder / name
        # A process that makes the same instance at this moment comes to its end before.
        home.mkdir(parents=True, exist_ok=True)
        with _exclusive(home / ".lock"):
            self.store.database.drop_schema(deployment_schema(name))
            shutil.rmtree(home, ignore_errors=True)
        if self.pool_folder is not None:
            shutil.rmtree(self.pool_folder / quote(name, safe=""), ignore_errors=True)

    def close(self) -> None:
        """Close all instances."""
        with self._lock:
            while self._open:
                _, known = self._open.popitem()
                known.instance.dispose()
            if self._connections:
                self._connections.close()

    def _create(self, deployment: Deployment) -> DagsterInstance:
        home = self.folder / deployment.name
        home.mkdir(parents=True, exist_ok=True)
        with _exclusive(home / ".lock"):
            # Two processes that make or migrate the same tables at once could break them.
            self._require_existing(deployment)
            self.store.database.create_schema(deployment_schema(deployment.name))
            (home / "dagster.yaml").touch()
            if self.postgres_url is None:
                make_blank_storage(home)
            ref = InstanceRef.from_dir(str(home), overrides=self._config(deployment, home))
            instance = DagsterInstance.from_ref(ref)
            upgrade_storage(instance, deployment.name)
            # Of most of its storages, an agent that looks for runs needs nothing.
            close_idle(instance)
        if self._connections:
            self._connections.give_to(instance, deployment_schema(deployment.name))
        if isinstance(instance, DeploymentInstance):
            instance.gate = RunGate(self.control, deployment)
        launcher = AgentRunLauncher(self.calls, deployment)
        launcher.register_instance(instance)
        # The launcher is not a plug-in: it needs the store, which a configuration file cannot name.
        instance._run_launcher = launcher  # noqa: SLF001
        # Neither is this: code servers are told of the instance's class, and have only Dagster's.
        health = statuses_of(instance, self.store)
        instance.get_daemon_statuses = health  # type: ignore[assignment, method-assign]
        return instance

    def _require_existing(self, deployment: Deployment) -> None:
        """Leave nothing of a deployment that was deleted before this process noticed it.

        Raises:
            DeploymentNotFoundError: when it was deleted.
        """
        try:
            self.store.deployments.get(deployment.name)
        except DeploymentNotFoundError:
            shutil.rmtree(self.folder / deployment.name, ignore_errors=True)
            raise

    def _config(self, deployment: Deployment, home: Path) -> dict[str, Any]:
        return {
            **self._storage_config(deployment.name, home),
            **instance_settings(deployment.settings),
            "instance_class": {
                "module": DeploymentInstance.__module__,
                "class": DeploymentInstance.__name__,
            },
            "telemetry": {"enabled": False},
            # The UI would invite every user to the newsletter of another product.
            "nux": {"enabled": False},
        }

    def _storage_config(self, name: str, home: Path) -> dict[str, Any]:
        defs_state = {
            "module": "dagster._core.storage.defs_state.blob_storage_state_storage",
            "class": "UPathDefsStateStorage",
            "config": {"base_path": str(home / "defs_state")},
        }
        compute_logs = {
            "module": "dagster._core.storage.local_compute_log_manager",
            "class": "LocalComputeLogManager",
            "config": {"base_dir": str(home / "logs")},
        }
        common = {"compute_logs": compute_logs, "defs_state_storage": defs_state}
        if self.postgres_url:
            url = postgres_schema_url(self.postgres_url, deployment_schema(name))
            return {**common, **_postgres_config(url)}
        return {**common, **sqlite_settings(home)}


def _postgres_config(url: str) -> dict[str, Any]:
    return {
        "run_storage": _storage(PostgresRunStorage, postgres_url=url),
        "event_log_storage": _storage(GroupedPostgresEventLog, postgres_url=url),
        "schedule_storage": _storage(PostgresScheduleStorage, postgres_url=url),
    }


def _storage(kind: type, **config: str) -> dict[str, Any]:
    return {"module": kind.__module__, "class": kind.__name__, "config": config}


def postgres_schema_url(url: str, schema: str) -> str:
    """The URL of connections that see only that schema, percent-encoded for libpq."""
    given = _of_psycopg2(url)
    plain = given.set(query={})
    keep_alive = {name: str(value) for name, value in KEEP_ALIVE.items()}
    query = {**keep_alive, **given.query, "options": f"-csearch_path={schema}"}
    text = plain.render_as_string(hide_password=False)
    return f"{text}?{urlencode(query, doseq=True, quote_via=quote)}"


def _of_psycopg2(url: str) -> URL:
    # Open-source Dagster's NOTIFY has a parameter, which only psycopg2 inserts before it sends;
    # SQLAlchemy's default driver is psycopg 3.
    return make_url(url).set(drivername="postgresql+psycopg2")


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
