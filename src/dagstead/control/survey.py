"""Everything that says why something waits, read at one time, and what follows for one thing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from dagstead.control.absences import Absences
from dagstead.control.actor import SYSTEM
from dagstead.control.backend import Backend
from dagstead.control.dequeues import board_of
from dagstead.control.roster import Roster
from dagstead.control.run_limits import RunLimits
from dagstead.plane.agents import Heartbeat
from dagstead.plane.branch_limits import BranchCounts, BranchLimits, BranchRun
from dagstead.plane.deployments import Deployment
from dagstead.plane.health import leads
from dagstead.plane.launches import Launch
from dagstead.plane.locations import Location
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.queue_board import QueueBoard
from dagstead.plane.queue_fallback import why_not
from dagstead.plane.queues import FallbackKind
from dagstead.plane.reasons import Reason
from dagstead.plane.run_queue import (
    Hold,
    QueuedRun,
    RunQueue,
    RunStatus,
    holding_steps,
    holds,
    in_order,
)
from dagstead.plane.why import why_request, why_run
from dagstead.plane.why_facts import (
    AgentFacts,
    PlaneFacts,
    QueueState,
    QueueWork,
    RequestBrief,
    RequestFacts,
    RunFacts,
)
from dagstead.plane.why_location import LocationFacts, image_error, why_location

#: More names make a sentence unreadable.
_MOST_NAMES = 3
_Place = tuple[str, str | None, str | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """The state of everything at one time. What it finds out of a queue, it keeps."""

    backend: Backend
    roster: Roster
    plane: PlaneFacts
    #: What people have set for queues.
    board: QueueBoard
    _work: dict[_Place, QueueWork] = field(default_factory=dict)
    _locations: dict[str, Mapping[str, Location]] = field(default_factory=dict)
    _broken: dict[tuple[str, str], Reason] = field(default_factory=dict)
    #: The limits of branch deployments and their runs in progress, once somebody has asked.
    _branches: list[tuple[BranchLimits, Sequence[BranchRun]]] = field(default_factory=list)

    @classmethod
    def of(cls, backend: Backend) -> Survey:
        """What the store knows now."""
        lease = backend.store.leases.leader()
        roster = Roster.of(backend)
        return cls(
            backend=backend,
            roster=roster,
            board=board_of(backend),
            plane=PlaneFacts(
                now=roster.presence.now,
                pause=backend.store.properties.pause(),
                daemon_lost_at=None if leads(lease) else lease.renewed_at,
            ),
        )

    def runs(
        self, deployment: Deployment, launches: Mapping[str, Launch], queue: RunQueue
    ) -> Mapping[str, Reason]:
        """Why runs of a deployment wait, by run.

        Args:
            deployment: of the runs.
            launches: the newest ones of the runs.
            queue: with those of them that are queued, and those that are starting.
        """
        held = self._holds(deployment, queue)
        asked = {run.run_id: run for run in (*queue.active, *queue.queued)}
        requests = self.backend.store.waits.requests(
            ORGANIZATION,
            [one.request_id for one in launches.values() if one.request_id is not None],
        )
        found: dict[str, Reason] = {}
        # Those that are starting first: they may be what the others wait for.
        for run in sorted(asked.values(), key=lambda run: run.status is RunStatus.QUEUED):
            launch = launches.get(run.run_id)
            if launch is None and run.status is not RunStatus.QUEUED:
                continue
            hold = held.get(run.run_id)
            request_id = None if launch is None else launch.request_id
            request = None if request_id is None else requests.get(request_id)
            work = self._of_run(deployment, run, launch, request)
            facts = RunFacts(
                run=run,
                plane=self.plane,
                work=work,
                no_fallback=self._no_fallback(deployment, run, work),
                launch=launch,
                request=request,
                hold=hold,
                step_hold=holding_steps(run, queue.limits)
                if run.status is RunStatus.STARTED
                else None,
                holder=None if hold is None else _first_waiting(hold.holders, found),
                location=self._why_unusable(deployment, run.location),
                queue=self.queue_state(self.queue_for(deployment, run.location, launch)),
            )
            found[run.run_id] = why_run(facts)
        return found

    def run(self, deployment: Deployment, run: QueuedRun, launch: Launch | None) -> Reason:
        """Why a run waits that is not in the run queue."""
        work = self._of_run(deployment, run, launch, None)
        is_out_of_reach = work.taker is not None and work.taker.lost_at is not None
        return why_run(
            RunFacts(
                run=run, plane=self.plane, work=work, launch=launch, is_out_of_reach=is_out_of_reach
            )
        )

    def request(self, deployment: Deployment, request: RequestBrief) -> Reason:
        """Why a request waits."""
        work = self._of_work(deployment, request.location, request.queue)
        taker = None if request.leased_by is None else self._of_token(request.leased_by)
        return why_request(
            RequestFacts(
                request=request,
                plane=self.plane,
                work=_with(work, taker),
            )
        )

    def location(self, deployment: Deployment, location: Location) -> Reason:
        """Why a location is not live."""
        work = self._of_work(deployment, location.name, location.queue)
        checks = self.backend.store.waits.checks(deployment.name) if location.is_loading else ()
        serving = self._serving(deployment, location.name, location.queue)
        errors: Sequence[str] = ()
        if location.error is not None:
            errors = self.backend.orchestration.error_lines(location.error)
        line = _image_line(serving, location.name)
        taker = None if line is None else AgentFacts(named="its agent", image_error=line)
        return why_location(
            LocationFacts(
                of=self.roster.facts(deployment, location),
                work=_with(work, taker),
                errors=errors,
                check=next((one for one in checks if one.queue == location.queue), None),
            )
        )

    def locations(self, deployment: Deployment) -> Mapping[str, Location]:
        """The locations of a deployment, by name."""
        if deployment.name not in self._locations:
            every = self.backend.store.locations.all(deployment.name)
            self._locations[deployment.name] = {location.name: location for location in every}
        return self._locations[deployment.name]

    def queue_of(self, deployment: Deployment, location: str | None) -> str | None:
        """The queue of a location; the default queue for one that is gone."""
        found = None if location is None else self.locations(deployment).get(location)
        return None if found is None else found.queue

    def queue_for(
        self, deployment: Deployment, location: str | None, launch: Launch | None
    ) -> str | None:
        """The queue that a run got when it was queued, or else that of its location."""
        if launch is not None and launch.has_queue:
            return launch.queue
        return self.queue_of(deployment, location)

    def queue_state(self, name: str | None) -> QueueState:
        """What people have set for a queue."""
        queue = self.board.queue(name)
        pause = queue.pause_at(self.plane.now)
        return QueueState(
            queue=name,
            paused_at=None if pause is None else pause.since,
            paused_by=None if pause is None else pause.by,
            note=None if pause is None else pause.note,
            paused_until=None if pause is None else pause.until,
            limit=queue.limit,
            holders=[each.run_id for each in self.board.holders.get(name, ())],
        )

    def _holds(self, deployment: Deployment, queue: RunQueue) -> Mapping[str, Hold]:
        """The limit that holds a run back, by run: of its deployment, or of all branches."""
        held = holds(queue)
        if not deployment.is_branch:
            return held
        if not self._branches:
            limits = RunLimits(self.backend)
            self._branches.append((limits.of_branches(SYSTEM), limits.branch_runs(SYSTEM)))
        counts = BranchCounts(*self._branches[0])
        free = [run for run in in_order(queue.queued) if run.run_id not in held]
        taken = {
            run.run_id: counts.take(
                BranchRun(deployment=deployment.name, run_id=run.run_id, tags=run.tags)
            )
            for run in free
        }
        return {**held, **{run_id: hold for run_id, hold in taken.items() if hold is not None}}

    def _of_run(
        self,
        deployment: Deployment,
        run: QueuedRun,
        launch: Launch | None,
        request: RequestBrief | None,
    ) -> QueueWork:
        if launch is None or not launch.is_offered:
            queue = self.queue_for(deployment, run.location, launch)
            return self._of_work(deployment, run.location, queue)
        work = self._of_work(deployment, launch.location or run.location, launch.queue)
        return _with(work, self._taker(launch, run.location, request))

    def _of_work(
        self, deployment: Deployment, location: str | None, queue: str | None
    ) -> QueueWork:
        place = (deployment.name, location, queue)
        if place not in self._work:
            serving = self._serving(deployment, location, queue)
            self._work[place] = QueueWork(
                deployment=deployment,
                queue=queue,
                absence=Absences(self.roster).of(deployment, location, queue),
                is_busy_loading=self.roster.is_busy_loading(deployment, queue, serving),
                servers=_agents(serving),
            )
        return self._work[place]

    def _no_fallback(self, deployment: Deployment, run: QueuedRun, work: QueueWork) -> str | None:
        """Why the fallback of a queue that nobody serves does not take a run."""
        location = self.locations(deployment).get(run.location or "")
        fallback = self.board.queue(work.queue).fallback
        if work.absence is None or location is None or fallback.kind is not FallbackKind.QUEUE:
            return None
        target = self.board.queue(fallback.queue)
        agents = self.roster.serving_queue(deployment, location, target.name)
        return why_not(location, deployment, target, agents, self.plane.now)

    def _serving(
        self, deployment: Deployment, location: str | None, queue: str | None
    ) -> list[Heartbeat]:
        return [
            beat
            for beat in self.roster.alive(deployment)
            if (location is None and queue in beat.queues)
            or self.roster.would_serve(deployment, location or "", queue, beat)
        ]

    def _taker(
        self, launch: Launch, location: str | None, request: RequestBrief | None
    ) -> AgentFacts | None:
        """The agent that has a launch, or the one whose token has."""
        if launch.begun_by is None:
            leased = None if request is None else request.leased_by
            return None if leased is None else self._of_token(leased)
        beat = next((beat for beat in self.roster.beats if launch.is_with(beat.key)), None)
        if beat is None:
            return AgentFacts(named=f"agent {launch.begun_by}", lost_at=launch.unknown_since)
        is_alive = any(other.key == beat.key for other in self.roster.living)
        return AgentFacts(
            named=f"agent {beat.label or beat.agent_id!r}",
            lost_at=None if is_alive else self.roster.heard_at(beat),
            image_error=_image_line([beat], location),
            type=beat.type,
        )

    def _of_token(self, token_id: int) -> AgentFacts:
        """The agents of a token: they do not name themselves when they poll."""
        beats = [beat for beat in self.roster.listed() if beat.token_id == token_id]
        token = next((token for token in self.roster.tokens if token.id == token_id), None)
        by = f"token {token_id}" if token is None else f"token {token.name!r}"
        named = _agents(beats)
        living = {beat.key for beat in self.roster.living}
        is_lost = bool(beats) and not any(beat.key in living for beat in beats)
        return AgentFacts(
            named=f"an agent with {by}" if named is None else f"{named} ({by})",
            lost_at=max(map(self.roster.heard_at, beats)) if is_lost else None,
        )

    def _why_unusable(self, deployment: Deployment, location: str | None) -> Reason | None:
        found = None if location is None else self.locations(deployment).get(location)
        if found is None or not found.is_broken:
            return None
        place = (deployment.name, found.name)
        if place not in self._broken:
            self._broken[place] = self.location(deployment, found)
        return self._broken[place]


def _with(work: QueueWork, taker: AgentFacts | None) -> QueueWork:
    return replace(work, taker=taker)


def _agents(beats: Sequence[Heartbeat]) -> str | None:
    """Agents in a sentence."""
    names = list(dict.fromkeys(repr(beat.label or beat.agent_id) for beat in beats))
    if not names:
        return None
    more = len(names) - _MOST_NAMES
    shown = ", ".join(names[:_MOST_NAMES])
    word = "agent" if len(names) == 1 else "one of the agents"
    return f"{word} {shown} and {more} more" if more > 0 else f"{word} {shown}"


def _first_waiting(holders: Sequence[str], found: Mapping[str, Reason]) -> Reason | None:
    """Why the first of some runs waits that does."""
    return next(
        (found[run_id] for run_id in holders if run_id in found and found[run_id].is_waiting), None
    )


def _image_line(beats: Sequence[Heartbeat], location: str | None) -> str | None:
    """What an agent has said of an image that it cannot pull, for a location."""
    for beat in beats:
        for error in reversed(beat.errors):
            if location is None or location in error:
                line = image_error(error.replace("\\n", "\n"))
                if line is not None:
                    return line
    return None
