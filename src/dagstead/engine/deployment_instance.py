"""The Dagster instance of a deployment: the one door through which its runs' events are stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dagster import DagsterInstance, DagsterRun
from dagster._core.events.log import EventLogEntry
from dagster._core.instance.config import ConcurrencyConfig
from dagster._core.instance.ref import InstanceRef
from dagster_shared.record import copy

from dagstead.control.actor import SYSTEM
from dagstead.engine.run_log import changes_status

if TYPE_CHECKING:
    from dagster._core.events import DagsterEventBatchMetadata
    from dagster._core.workspace.context import BaseWorkspaceRequestContext

    from dagstead.engine.run_gate import RunGate
    from dagstead.plane.launches import Launch


class DeploymentInstance(DagsterInstance):
    """Open-source Dagster's, where a run's status follows our record of its launch.

    The web server, the daemons and agents write through it, so that none of them changes a status
    that is final.
    """

    gate: RunGate | None = None

    @staticmethod
    def config_schema() -> Mapping[str, Any]:
        """No settings beside Dagster's own."""
        return {}

    @staticmethod
    def config_defaults(base_dir: str) -> Mapping[str, Any]:
        """Dagster's own."""
        return InstanceRef.config_defaults(base_dir)

    def handle_new_event(
        self,
        event: EventLogEntry,
        *,
        batch_metadata: DagsterEventBatchMetadata | None = None,
    ) -> None:
        """Store an event; one about a run's status goes through the gate."""
        if self.gate is None or not changes_status(event):
            super().handle_new_event(event, batch_metadata=batch_metadata)
        else:
            self.gate.handle(self, event, super().handle_new_event)

    def get_concurrency_config(self) -> ConcurrencyConfig:
        """The limits on runs; of a branch deployment also those that it shares with others."""
        config = super().get_concurrency_config()
        if self.gate is None or not self.gate.deployment.is_branch or not config.run_queue_config:
            return config
        limits = self.gate.control.run_limits.of_branches(SYSTEM)
        queue = config.run_queue_config._replace(
            max_concurrent_runs_all_branch_deployments=limits.all_runs
        )
        return copy(config, run_queue_config=queue)

    def show_end(self, launch: Launch) -> None:
        """Show how a run has ended."""
        if self.gate is not None:
            self.gate.show(self, launch, super().handle_new_event)

    def launch_run(self, run_id: str, workspace: BaseWorkspaceRequestContext) -> DagsterRun:
        """Queue a run: nothing goes past the run queue, where agent queues and limits hold."""
        return self.submit_run(run_id, workspace)

    def dispose(self) -> None:
        """Close everything; Dagster's leaves the storage of schedules open."""
        super().dispose()
        if self.schedule_storage is not None:
            self.schedule_storage.dispose()

    def delete_run(self, run_id: str) -> None:
        """Delete a run, and what is recorded of its launches."""
        super().delete_run(run_id)
        if self.gate is not None:
            self.gate.control.launches.forget(SYSTEM, self.gate.deployment, run_id)
