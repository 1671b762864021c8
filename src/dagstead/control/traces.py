"""Acts of whoever sees what becomes of runs, for their traces."""

from __future__ import annotations

from dataclasses import dataclass

from dagstead.control import tracing
from dagstead.control.actor import Actor
from dagstead.control.backend import Backend
from dagstead.plane.deployments import Deployment
from dagstead.plane.launches import Launch


@dataclass(frozen=True, slots=True)
class Traces:
    """Reports on runs. They do nothing while nobody collects traces."""

    _backend: Backend

    def queued(self, actor: Actor, deployment: Deployment, run_id: str) -> None:
        """Have a run belong to the trace of whoever launches it."""
        actor.require_system("Tracing runs")
        tracing.run_queued(self._backend, deployment, run_id)

    def started(self, actor: Actor, launch: Launch) -> None:
        """Report that a run has started."""
        actor.require_system("Tracing runs")
        tracing.run_started(self._backend, launch)
