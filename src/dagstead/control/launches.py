"""Launches of runs: what is recorded of them, before Dagster's storage shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from dagstead.control import bell
from dagstead.control.actor import Actor
from dagstead.control.availability import why_unserved
from dagstead.control.backend import Backend
from dagstead.control.counting import count_end
from dagstead.control.roster import Roster
from dagstead.control.work import Work, new_request
from dagstead.plane.agents import Heartbeat, of_deployment
from dagstead.plane.deployments import Deployment
from dagstead.plane.launch_machine.events import (
    Begin,
    Dequeue,
    End,
    Event,
    LaunchOffer,
    SignOfLife,
    Start,
    StopWish,
    WorkerCall,
)
from dagstead.plane.launch_machine.machine import LaunchStep, may_be_its_worker
from dagstead.plane.launch_watch import ASKING_SECONDS, Limits, WorkerReport
from dagstead.plane.launches import How, Launch, LaunchEnd, LaunchTags, RunEnd, RunUnderWay
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.requests import LAUNCH_RUN, TERMINATE_RUN, Request, RequestState


@dataclass(frozen=True, slots=True)
class Launches:
    """Acts on launches, and views of them."""

    _backend: Backend

    def submit(
        self, actor: Actor, deployment: Deployment, run_id: str, location: str | None = None
    ) -> LaunchStep:
        """Record that a run waits for its launch, on the queue that its location has now."""
        actor.require_system("Recording launches")
        return self._backend.store.launches.submit(deployment.name, run_id, location)

    def dequeue(self, actor: Actor, deployment: Deployment, run_id: str) -> LaunchStep:
        """Record that a run was taken from the run queue, and is about to be offered."""
        actor.require_system("Recording launches")
        return self._backend.store.launches.step(deployment.name, run_id, Dequeue())

    def offer(
        self, actor: Actor, deployment: Deployment, work: Work, tags: LaunchTags
    ) -> LaunchStep:
        """Queue the request that launches a run, unless the run is no longer wanted."""
        actor.require_system("Recording launches")
        if work.location is not None:
            location = self._backend.store.locations.get(deployment.name, work.location)
            token_id = Roster.of(self._backend).token_to_launch(deployment, location, work.queue)
            work = replace(work, for_token=token_id)
        new = new_request(self._backend, deployment, work)
        step = self._backend.store.launches.offer(new, tags)
        if step.counts:
            self._backend.bell.ring(bell.queue(work.queue))
        return step

    def start(self, actor: Actor, deployment: Deployment, run_id: str) -> LaunchStep:
        """Record that a run has started; it does not count for one that is to end."""
        actor.require_system("Recording launches")
        return self._backend.store.launches.step(deployment.name, run_id, Start())

    def note_asking(self, actor: Actor, deployment: Deployment, run_id: str) -> None:
        """Record that somebody asked for a run, as its worker does every ten seconds."""
        worker = actor.require_code(deployment)
        if worker is not None and worker.run_id not in {None, run_id}:
            return
        launch = self._backend.store.launches.newest(deployment.name, run_id)
        # Most questions say nothing, and must not take SQLite's write lock.
        if launch is None or not may_be_its_worker(launch, self._backend.now()):
            return
        if _may_be_of_its_worker(actor, launch):
            self._backend.store.launches.step(deployment.name, run_id, WorkerCall())

    def stop(self, actor: Actor, deployment: Deployment, run_id: str, wish: StopWish) -> LaunchStep:
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
        ending: LaunchEnd,
        number: int | None = None,
    ) -> LaunchStep:
        """Record that a launch has ended, and how; whoever records it shows it."""
        actor.require_system("Ending runs")
        event = End(ending=ending, number=number)
        step = self._backend.store.launches.step(deployment.name, run_id, event)
        self._after(deployment, step)
        return step

    def carry_out(self, actor: Actor, deployment: Deployment, launch: Launch) -> str | None:
        """Do what a wish to end a run asks for: show the end, or have its agent end the worker.

        Returns:
            Why nobody can do it now, as a sentence for people; ``None`` when somebody can.
        """
        actor.require_system("Ending runs")
        orchestration = self._backend.orchestration
        if not launch.is_open:
            orchestration.show_end(deployment, launch)
            return None
        orchestration.ask_to_end(deployment, launch)
        reason = self._why_out_of_reach(deployment, launch)
        if reason is not None:
            limit = Limits.of(deployment.settings).cancel
            ends = f", at the latest in {limit:.0f} seconds" if limit else ""
            reason = f"{reason} It ends when that agent is back, or by itself{ends}."
            orchestration.note(deployment, launch.run_id, reason)
        return reason

    def offer_again(self, actor: Actor, deployment: Deployment, launch: Launch) -> None:
        """Queue the request of a launch that was to be offered, and was not.

        It follows one that never started its run, or its daemon died before it could offer it.
        """
        actor.require_system("Recording launches")
        orchestration = self._backend.orchestration
        for before in self._backend.store.launches.of_run(deployment.name, launch.run_id)[-2:-1]:
            said = before.ending.reason if before.ending is not None else ""
            sentence = f"{said} It is launched again (launch {launch.number})."
            orchestration.note(deployment, launch.run_id, sentence)
        reason = orchestration.offer_again(deployment, launch)
        if reason is not None:
            ending = LaunchEnd(
                status=RunEnd.FAILURE, how=How.WITHDRAWN, by="the watch", reason=reason
            )
            step = self.end(actor, deployment, launch.run_id, ending, launch.number)
            if step.counts and step.launch is not None:
                orchestration.show_end(deployment, step.launch)

    def end_unsubmitted(self, actor: Actor, deployment: Deployment) -> None:
        """Fail runs that were created long ago and never came into the run queue."""
        actor.require_system("Looking after runs")
        limit = Limits.of(deployment.settings).start
        if not limit:
            return
        before = self._backend.now() - limit
        for run_id in self._backend.orchestration.never_submitted(deployment, before):
            ending = LaunchEnd(
                status=RunEnd.FAILURE,
                how=How.OVERDUE,
                by="the limit start_timeout_seconds",
                reason=f"The run was created more than {limit:.0f} seconds ago, and never came "
                "into the run queue: who created it died, or did not launch it.",
            )
            step = self.end(actor, deployment, run_id, ending)
            if step.counts and step.launch is not None:
                self._backend.orchestration.show_end(deployment, step.launch)

    def remind(self, actor: Actor, deployment: Deployment, launch: Launch) -> None:
        """Ask the agent of a launch once more to end it, if it was asked before it had a worker.

        Never twice about the same worker: a second interrupt would end user code that cleans up.
        """
        actor.require_system("Ending runs")
        has_worker_since = launch.answered_at or launch.started_at
        asked = self._terminations(deployment, launch)
        if any(request.state in {RequestState.WAITING, RequestState.LEASED} for request in asked):
            return
        if has_worker_since is not None and all(
            request.created_at < has_worker_since for request in asked
        ):
            self._backend.orchestration.ask_to_end(deployment, launch)

    def ended_by_agent_at(
        self, actor: Actor, deployment: Deployment, launch: Launch
    ) -> float | None:
        """When an agent was last asked to end a worker that it had started, if it has answered."""
        actor.require_system("Looking after runs")
        if launch.answered_at is None:
            return None
        asked = [
            request.created_at
            for request in self._terminations(deployment, launch)
            if request.state is RequestState.ANSWERED and request.created_at >= launch.answered_at
        ]
        return max(asked, default=None)

    def compare(self, actor: Actor, deployment: Deployment) -> None:
        """Compare the runs that Dagster's storage shows as under way with their records.

        Runs from before launches had records get one. The end of a run is shown again if a process
        died that was late to store an earlier event. It is recorded if a web server has stored it
        whose version has no records.
        """
        actor.require_system("Looking after runs")
        backend = self._backend
        launches = backend.store.launches.open(deployment.name)
        runs = backend.orchestration.under_way(deployment)
        others = {each.run_id for each in launches} - {run.run_id for run in runs}
        for run_id, status in backend.orchestration.ended(deployment, others).items():
            ending = LaunchEnd(
                status=status, how=How.REPORTED, by="its log", reason="It has ended."
            )
            step = self.end(actor, deployment, run_id, ending)
            if step.counts and step.launch is not None:
                self.note_shown(actor, step.launch)
        for run in runs:
            launch = backend.store.launches.newest(deployment.name, run.run_id)
            if launch is not None and launch.is_shown:
                backend.orchestration.show_end(deployment, launch)
            for event in self._so_far(deployment, run) if launch is None else ():
                backend.store.launches.step(deployment.name, run.run_id, event)

    def see(
        self, actor: Actor, deployment: Deployment, launch: Launch, unknown_since: float | None
    ) -> None:
        """Record since when nothing is known of a worker, and say so in its run's log."""
        actor.require_system("Looking after runs")
        event = SignOfLife(unknown_since=unknown_since)
        self._backend.store.launches.step(deployment.name, launch.run_id, event)
        if unknown_since is None:
            sentence = "Its agent is back: what becomes of its worker is known again."
        else:
            moment = datetime.fromtimestamp(unknown_since, UTC).strftime("%Y-%m-%d %H:%M:%S")
            sentence = (
                f"What becomes of its worker is unknown since {moment} UTC: agent "
                f"{launch.begun_by} has not been heard since. The run goes on if its worker does. "
                "It ends when that reports, by max_runtime_seconds, or when you terminate it."
            )
        self._backend.orchestration.note(deployment, launch.run_id, sentence)

    def note(self, actor: Actor, deployment: Deployment, run_id: str, sentence: str) -> None:
        """Write a sentence into the log of a run."""
        actor.require_system("Looking after runs")
        self._backend.orchestration.note(deployment, run_id, sentence)

    def last_sign(self, actor: Actor, deployment: Deployment, launch: Launch) -> float | None:
        """When the log of a launch's run got its last entry, in seconds since 1970."""
        actor.require_system("Looking after runs")
        return self._backend.orchestration.last_sign(deployment, launch.run_id)

    def has_silent_workers(self, actor: Actor, launch: Launch) -> bool:
        """Whether the agent of a launch has begun others whose workers never asked for their runs.

        An agent is isolated for all of its life, or never.
        """
        actor.require_system("Looking after runs")
        return self._backend.store.launches.has_silent_beside(launch, ASKING_SECONDS)

    def worker_reports(
        self, actor: Actor, deployment: Deployment, beats: Sequence[Heartbeat]
    ) -> Mapping[str, WorkerReport]:
        """What the agents that may know say of the workers of runs, by run."""
        actor.require_reading(deployment, "looking at runs")
        launches = {
            launch.run_id: launch for launch in self._backend.store.launches.open(deployment.name)
        }
        found: dict[str, WorkerReport] = {}
        # The newest last: an agent that was replaced still counts as alive for a while.
        for beat in sorted(beats, key=lambda beat: beat.received_at):
            if beat.run_worker_statuses is None:
                continue
            for report in self._backend.orchestration.worker_reports(beat):
                launch = launches.get(report.run_id)
                if launch is not None and _knows(beat, launch):
                    found[report.run_id] = report
        return found

    def why_waiting(self, actor: Actor, deployment: Deployment, launch: Launch) -> str | None:
        """Why no agent has begun a launch, as a sentence for people."""
        actor.require_reading(deployment, "looking at runs")
        return self._why_waiting(deployment, launch)

    def why_out_of_reach(self, actor: Actor, deployment: Deployment, launch: Launch) -> str | None:
        """Why no live agent can end the worker of a launch; ``None`` when one can."""
        actor.require_reading(deployment, "looking at runs")
        return self._why_out_of_reach(deployment, launch)

    def newest(self, actor: Actor, deployment: Deployment, run_id: str) -> Launch | None:
        """The newest launch of a run; ``None`` when it has none."""
        actor.require_reading(deployment, "looking at runs")
        return self._backend.store.launches.newest(deployment.name, run_id)

    def of_run(self, actor: Actor, deployment: Deployment, run_id: str) -> list[Launch]:
        """All launches of a run, the first one first."""
        actor.require_reading(deployment, "looking at runs")
        return self._backend.store.launches.of_run(deployment.name, run_id)

    def open(self, actor: Actor, deployment: Deployment) -> list[Launch]:
        """The launches of a deployment that have not ended, the oldest first."""
        actor.require_reading(deployment, "looking at runs")
        return self._backend.store.launches.open(deployment.name)

    def watched(self, actor: Actor) -> frozenset[str]:
        """The names of the deployments with launches to look after."""
        actor.require_system("Looking after runs")
        return self._backend.store.launches.watched(ORGANIZATION)

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

    def purge(self, actor: Actor, older_than_seconds: float) -> int:
        """Remove launches that ended that long ago; returns how many.

        Dagster's storage has shown their end by then, and keeps their runs from another.
        """
        actor.require_system("Purging launches")
        return self._backend.store.launches.purge(ORGANIZATION, older_than_seconds)

    def forget(self, actor: Actor, deployment: Deployment, run_id: str) -> None:
        """Forget the launches of a run that is deleted."""
        actor.require_system("Deleting runs")
        self._backend.store.launches.forget(deployment.name, run_id)

    def _terminations(self, deployment: Deployment, launch: Launch) -> list[Request]:
        every = self._backend.store.requests.of_run(deployment.name, launch.run_id)
        return [request for request in every if request.api == TERMINATE_RUN]

    def _so_far(self, deployment: Deployment, run: RunUnderWay) -> list[Event]:
        every = self._backend.store.requests.of_run(deployment.name, run.run_id)
        offers = [request for request in every if request.api == LAUNCH_RUN]
        events: list[Event] = [
            LaunchOffer(request_id=offer.id, location=offer.location, queue=offer.queue)
            for offer in offers[-1:]
        ]
        events += [Begin(agent_id=o.begun_by) for o in offers[-1:] if o.begun_by is not None]
        if run.is_started:
            return [*events, Start()]
        # Its request is gone: the limit for its start holds.
        return events or [LaunchOffer(request_id="")]

    def _why_waiting(self, deployment: Deployment, launch: Launch) -> str | None:
        every = self._backend.store.requests.of_run(deployment.name, launch.run_id)
        request = next((each for each in every if each.id == launch.request_id), None)
        if request is None or request.location is None:
            return None
        if request.state is RequestState.WAITING:
            reason = why_unserved(self._backend, deployment, request.location, request.queue)
            return reason or (
                "Its launch waits on a queue whose agent is alive and has not taken it: the agent "
                "is busy, or its token does not grant this deployment. See `dagstead agent list`."
            )
        return "An agent took its launch and has not reported since. Look at the agent's log."

    def _why_out_of_reach(self, deployment: Deployment, launch: Launch) -> str | None:
        now = self._backend.now()
        roster = Roster.of(self._backend)
        alive = {beat.key for beat in roster.living}
        beats = of_deployment(roster.beats, deployment.name, is_branch=deployment.is_branch)
        holder = next((beat for beat in beats if launch.is_with(beat.key)), None)
        # Any other agent of the pool looks after the workers of the one before it.
        has_pool = any(beat.is_pool and beat.key in alive for beat in beats)
        if holder is not None and (holder.key in alive or (holder.is_pool and has_pool)):
            return None
        name = launch.begun_by if holder is None else holder.label or holder.agent_id
        silent = "" if holder is None else f", silent for {now - holder.received_at:.0f} seconds"
        return f"No live agent can carry this out: the run is with agent {name}{silent}."

    def _after(self, deployment: Deployment, step: LaunchStep) -> None:
        launch = step.launch
        if step.counts and launch is not None and not launch.is_open:
            count_end(self._backend, launch)
            if launch.request_id:
                self._backend.store.requests.expire(deployment.name, [launch.request_id])


def _knows(beat: Heartbeat, launch: Launch) -> bool:
    """Whether the agent of a heartbeat may know what becomes of the worker of a launch.

    The pool's agents know each other's workers. Any other official agent reports workers as lost
    that it has not started itself.
    """
    return launch.is_with(beat.key) or (beat.is_pool and launch.queue in beat.queues)


def _may_be_of_its_worker(actor: Actor, launch: Launch) -> bool:
    """Whether the worker of a launch may be the actor: by its own token, or that of its agent."""
    token = actor.token
    if token is not None and token.worker is not None:
        return token.worker.executes(launch)
    if token is None or launch.begun_with is None:
        return actor.grants_queue(launch.queue)
    return token.id == launch.begun_with
