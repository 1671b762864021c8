"""Launches of runs: what is recorded of them, before Dagster's storage shows it."""

from __future__ import annotations

from dataclasses import dataclass

from dagstead.control import bell
from dagstead.control.actor import Actor
from dagstead.control.backend import Backend
from dagstead.control.work import Work, new_request
from dagstead.plane.deployments import Deployment
from dagstead.plane.launch_machine.events import Asking, End, Start, StopWish, Submission
from dagstead.plane.launch_machine.machine import Step
from dagstead.plane.launches import Ending, Launch


@dataclass(frozen=True, slots=True)
class Launches:
    """Acts on launches, and views of them."""

    _backend: Backend

    def submit(self, actor: Actor, deployment: Deployment, run_id: str) -> Step:
        """Record that a run waits for its launch."""
        actor.require_system("Recording launches")
        return self._backend.store.launches.step(deployment.name, run_id, Submission())

    def offer(
        self, actor: Actor, deployment: Deployment, work: Work, max_runtime_seconds: float | None
    ) -> Step:
        """Queue the request that launches a run, unless the run is no longer wanted."""
        actor.require_system("Recording launches")
        new = new_request(self._backend, deployment, work)
        step = self._backend.store.launches.offer(new, max_runtime_seconds)
        if step.counts:
            self._backend.bell.ring(bell.queue(deployment.name, work.queue))
        return step

    def start(self, actor: Actor, deployment: Deployment, run_id: str) -> Step:
        """Record that a run has started; it does not count for one that is to end."""
        actor.require_system("Recording launches")
        return self._backend.store.launches.step(deployment.name, run_id, Start())

    def note_asking(self, actor: Actor, deployment: Deployment, run_id: str) -> None:
        """Record that somebody asked for a run, as its worker does every ten seconds."""
        actor.require_agent(deployment)
        self._backend.store.launches.step(deployment.name, run_id, Asking())

    def stop(self, actor: Actor, deployment: Deployment, run_id: str, wish: StopWish) -> Step:
        """Record that a run is to end. A launch that no agent has begun ends with it."""
        actor.require_system("Ending runs")
        step = self._backend.store.launches.step(deployment.name, run_id, wish)
        self._after(deployment, step)
        return step

    def end(
        self,
        actor: Actor,
        deployment: Deployment,
        run_id: str,
        ending: Ending,
        number: int | None = None,
    ) -> Step:
        """Record that a launch has ended, and how; whoever records it shows it."""
        actor.require_system("Ending runs")
        event = End(ending=ending, number=number)
        step = self._backend.store.launches.step(deployment.name, run_id, event)
        self._after(deployment, step)
        return step

    def newest(self, actor: Actor, deployment: Deployment, run_id: str) -> Launch | None:
        """The newest launch of a run; ``None`` when it has none."""
        actor.require_deployment(deployment)
        return self._backend.store.launches.newest(deployment.name, run_id)

    def of_run(self, actor: Actor, deployment: Deployment, run_id: str) -> list[Launch]:
        """All launches of a run, the first one first."""
        actor.require_deployment(deployment)
        return self._backend.store.launches.of_run(deployment.name, run_id)

    def open(self, actor: Actor, deployment: Deployment) -> list[Launch]:
        """The launches of a deployment that have not ended, the oldest first."""
        actor.require_deployment(deployment)
        return self._backend.store.launches.open(deployment.name)

    def unshown(
        self, actor: Actor, deployment: Deployment, older_than_seconds: float
    ) -> list[Launch]:
        """Ends that Dagster's storage may not show, as the server died before it did."""
        actor.require_system("Repairing runs")
        return self._backend.store.launches.unshown(deployment.name, older_than_seconds)

    def note_shown(self, actor: Actor, launch: Launch) -> None:
        """Record that Dagster's storage shows the end of a launch."""
        actor.require_system("Repairing runs")
        self._backend.store.launches.note_shown(launch)

    def forget(self, actor: Actor, deployment: Deployment, run_id: str) -> None:
        """Forget the launches of a run that is deleted."""
        actor.require_system("Deleting runs")
        self._backend.store.launches.forget(deployment.name, run_id)

    def _after(self, deployment: Deployment, step: Step) -> None:
        launch = step.launch
        if step.counts and launch is not None and not launch.is_open and launch.request_id:
            self._backend.store.requests.expire(deployment.name, [launch.request_id])
