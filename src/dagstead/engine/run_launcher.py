"""Launches and terminates runs through the request queue."""

from __future__ import annotations

import logging

from dagster import DagsterInstance, DagsterRun
from dagster._core.launcher.base import LaunchRunContext, RunLauncher

from dagstead.control.actor import SYSTEM
from dagstead.control.away import away_of
from dagstead.engine.calls import AgentCalls, location_of_run
from dagstead.plane.deployments import Deployment
from dagstead.plane.launch_machine.events import StopWish
from dagstead.plane.launches import RunEnd

logger = logging.getLogger(__name__)

#: The official agent puts these tags on every run that it launches.
AGENT_ID_TAG = "dagster/agent_id"
AGENT_LABEL_TAG = "dagster/agent_label"


class AgentRunLauncher(RunLauncher[DagsterInstance]):
    """Puts the launches of open-source daemons on the queues of a deployment."""

    def __init__(self, calls: AgentCalls, deployment: Deployment) -> None:
        self._calls = calls
        self._deployment = deployment

    def launch_run(self, context: LaunchRunContext) -> None:
        """Queue the launch; the run stays STARTING until its worker reports.

        While the store is away the launch is left to the watch, which offers what was taken from
        the run queue and not offered: the daemon fails a run whose launch raises an error.
        """
        try:
            self._offer(context.dagster_run)
        except Exception as error:
            away = away_of(error)
            if away is None:
                raise
            logger.warning(
                "Run %s is launched when the store is back: %s",
                context.dagster_run.run_id,
                away.reason,
            )

    def _offer(self, run: DagsterRun) -> None:
        step = self._calls.launch_run(self._deployment, run)
        launch = step.launch
        if not step.counts or launch is None:
            # It was terminated while the daemon took it from the run queue.
            return
        # It may be on another queue than its location is now.
        self._calls.control.wait_notes.note_unserved(
            SYSTEM, self._deployment, run.run_id, location_of_run(run), launch.queue
        )

    def terminate(self, run_id: str) -> bool:
        """Take back a launch that no agent has begun, or ask the run's agent to end the run.

        Returns:
            Whether somebody carries it out. The wish stays recorded in any case.
        """
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        launches = self._calls.control.launches
        known = launches.newest(SYSTEM, self._deployment, run_id)
        if known is None or not known.is_open:
            # From before launches had records; the gate makes one.
            self._instance.report_run_canceling(run)
        wish = StopWish(end=RunEnd.CANCELED, by="a termination", reason="It was terminated.")
        step = launches.stop(SYSTEM, self._deployment, run_id, wish)
        launch = step.launch
        if launch is None or not step.counts:
            return False
        return launches.carry_out(SYSTEM, self._deployment, launch) is None
