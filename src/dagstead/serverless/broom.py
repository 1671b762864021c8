"""Removing what the pool has kept long enough: environments, outputs, logs, homes."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from dagstead.serverless.home import has_changed, remove, remove_older
from dagstead.serverless.outputs import sweep_deployments, sweep_outputs
from dagstead.serverless.sandbox.programs import Owner
from dagstead.serverless.still_needed import existing, has_ended

if TYPE_CHECKING:
    import logging

    from dagster_cloud.instance import DagsterCloudAgentInstance

    from dagstead.serverless.configuration import LauncherConfiguration
    from dagstead.serverless.environments import EnvironmentStore
    from dagstead.serverless.home import PoolHome
    from dagstead.serverless.run_records import RunRecords
    from dagstead.serverless.sandbox.users import PoolUsers
    from dagstead.serverless.server_table import ServerTable

#: How long nothing has changed in the folder of a deleted deployment when it is removed.
_DELETED_SECONDS = 3600.0
#: How long a location has started nothing when its home and its logs are removed.
_HOME_SECONDS = 30 * 24 * 3600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Broom:
    """Sweeps the folder of one pool."""

    home: PoolHome
    configuration: LauncherConfiguration
    instance: DagsterCloudAgentInstance
    table: ServerTable
    records: RunRecords
    environments: EnvironmentStore
    #: The users of code locations, where they have some.
    users: PoolUsers | None
    logger: logging.Logger

    def sweep(self) -> None:
        """Remove what nobody needs any more, once."""
        running = self.records.alive()
        in_use = self.table.environments()
        in_use.update(run.environment for run in running if run.environment)
        removed = self.environments.sweep(
            in_use, keep_seconds=self.configuration.keep_unused_seconds
        )
        if removed:
            self.logger.info("Removed %d unused environments and layers.", len(removed))
            for key in removed:
                remove(self.home.tenants / Owner.package(key).folder)
            self._forget("package", removed)
        keep = self.configuration.keep_runs_seconds
        self.records.sweep(keep_seconds=keep)
        for logs in (self.home.compute_logs, *self.home.tenants.glob("*/logs")):
            remove_older(logs, before=time.time() - keep)
        self._sweep_homes({*self.table.tenants(), *(run.tenant for run in running)})
        self._sweep_outputs()

    def _sweep_homes(self, in_use: set[str]) -> None:
        before = time.time() - _HOME_SECONDS
        for folder in self.home.tenants.iterdir():
            if folder.name in in_use:
                continue
            with suppress(FileNotFoundError):
                if not has_changed(folder, since=before):
                    remove(folder)
                    kind, _, name = folder.name.partition("-")
                    self._forget(kind, [name])

    def _sweep_outputs(self) -> None:
        if self.configuration.keep_outputs_seconds:
            removed = sweep_outputs(
                self.home,
                before=time.time() - self.configuration.keep_outputs_seconds,
                keep_runs=self.configuration.keep_output_runs,
                has_ended=partial(has_ended, self.instance),
            )
            if removed:
                self.logger.info("Removed the outputs of %d old runs.", len(removed))
        for name in sweep_deployments(
            self.home,
            before=time.time() - _DELETED_SECONDS,
            existing=partial(existing, self.instance),
        ):
            self.logger.info("Removed what the deleted deployment %s had left.", name)
            self._forget("deployment", [name])

    def _forget(self, kind: str, names: list[str]) -> None:
        if self.users is not None:
            self.users.forget(kind, names)
