"""Requests: work for agents, which is queued, taken and answered, delivered again or dropped."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from dagstead.control import bell, tracing
from dagstead.control.actor import Actor
from dagstead.control.backend import Backend
from dagstead.control.dagster_data import require_runs
from dagstead.control.roster import Roster
from dagstead.control.work import Work, submit
from dagstead.errors import ForbiddenError
from dagstead.plane.deployments import Deployment
from dagstead.plane.launch_machine.events import Delivery, LaunchAnswer, Return
from dagstead.plane.names import ID_MAX, check_short
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.requests import DEFAULT_POP_LIMIT, LAUNCH_RUN, Claim, Request
from dagstead.plane.tallies import Tally, TallyKind

#: Agents send a heartbeat every 30 seconds.
_HEARD_SECONDS = 90.0

#: Part of the error for an agent that must not begin a run. When it reports that, the run is not
#: failed for it: it has ended, or goes on with the agent that has begun it.
REFUSED_AT_THE_GATE = "must not be started by this agent"


@dataclass(frozen=True, kw_only=True, slots=True)
class Poll:
    """The work that an agent polls for."""

    full_deployments: Collection[str] = ()
    branch_deployments: bool = False
    #: ``None`` is the default queue.
    queues: Collection[str | None] = (None,)
    limit: int = DEFAULT_POP_LIMIT


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldPoll:
    """What a poll waits for that has got nothing."""

    #: What rings when there may be work.
    topics: frozenset[str]
    #: Whether the agent has something to do between two polls: it works on a request, whose answer
    #: it may have gathered or whose code was not loaded yet, or has to send its first heartbeat.
    is_short: bool


@dataclass(frozen=True, slots=True)
class Requests:
    """Acts on the request queue."""

    _backend: Backend

    def submit(self, actor: Actor, deployment: Deployment, work: Work) -> str:
        """Queue a request, until an agent that serves the queue polls; returns its id.

        What concerns a run is for the agent that has begun it, as long as that is alive: another
        one may know nothing of its worker, and has other processes under the same numbers.
        """
        actor.require_system("Queueing a request for agents")
        if work.run_id is not None:
            work = replace(work, for_token=self._token_of_run(deployment, work.run_id))
        request_id = submit(self._backend, deployment, work)
        self._backend.bell.ring(bell.queue(work.queue))
        return request_id

    def take(self, actor: Actor, poll: Poll) -> list[Request]:
        """Lease waiting requests to an agent, as far as its token grants them, oldest first.

        A launch whose run has ended meanwhile is dropped: nobody expects that run to start now.

        Raises:
            ForbiddenError: when the token grants none of the queues.
        """
        actor.require_agent()
        if actor.token is not None:
            self._backend.store.token_calls.polled(actor.token.id)
        popped = self._backend.store.requests.pop(_claim(actor, poll))
        for request in popped:
            if request.deliveries == 1 and request.leased_at is not None:
                self._tally.dispatched(request.queue, request.leased_at - request.created_at)
        return [request for request in popped if self._may_be_taken(request)]

    def hold(self, actor: Actor, poll: Poll) -> HeldPoll:
        """What a poll waits for that has got nothing.

        Raises:
            ForbiddenError: when the token grants none of the queues.
        """
        actor.require_agent()
        claim, store = _claim(actor, poll), self._backend.store
        is_new = not store.agents.has_heard(claim, self._backend.now() - _HEARD_SECONDS)
        return HeldPoll(
            topics=frozenset(map(bell.queue, claim.queues)),
            is_short=is_new or store.requests.has_leased(claim),
        )

    def answer(
        self, actor: Actor, deployment: Deployment, request_id: str, answer: str
    ) -> Request | None:
        """Store an agent's answer, and wake those who wait for it.

        Only the token answers that has taken the request last. Who had it before, and was too late
        to answer, has not begun what it asks for: it was given to somebody else only then.

        Returns:
            The request; ``None`` when nobody waits for the answer of this agent, and it is dropped.
        """
        actor.require_agent(deployment)
        by = None if actor.token is None else actor.token.id
        request = self._backend.store.requests.answer(deployment.name, request_id, answer, by=by)
        if request is None:
            return None
        tracing.request_answered(self._backend, request)
        if request.api == LAUNCH_RUN:
            event = LaunchAnswer(request_id=request.id)
            self._backend.store.launches.step(deployment.name, str(request.run_id), event)
            self._backend.orchestration.take_launch_answer(deployment, request, answer)
        self._backend.bell.ring(bell.answered(request_id))
        return request

    def begin_launch(
        self, actor: Actor, deployment: Deployment, run_id: str, agent_id: str
    ) -> None:
        """Let one agent begin the newest launch of a run: the gate that every agent passes.

        An agent asks right before it starts a worker. If a launch was delivered twice, because the
        first agent seemed gone, the second one is stopped here; and so is one that comes after the
        run was ended or terminated.

        Raises:
            ForbiddenError: when it must not start a worker.
            InvalidInputError: when the agent's id is too long.
        """
        actor.require_agent(deployment)
        check_short("The agent's id", agent_id, ID_MAX)
        require_runs(self._backend, actor, deployment, [run_id])
        by = None if actor.token is None else actor.token.id
        grants = None if actor.token is None else actor.token.queues
        step = self._backend.store.launches.begin(
            deployment.name, run_id, agent_id, by=by, grants=grants
        )
        counts = step.counts
        if step.launch is None:
            # It was queued before launches had records, or this is not a run of the queue.
            counts = self._backend.store.requests.begin_launch(
                deployment.name, run_id, agent_id, by=by
            )
        if not counts:
            reason = step.reason or "It was begun by another agent."
            raise ForbiddenError(f"Run {run_id} {REFUSED_AT_THE_GATE}. {reason}")

    def open(self, actor: Actor) -> list[Request]:
        """All requests without an answer, oldest first."""
        actor.require_system("Looking through the request queue")
        return self._backend.store.requests.open(ORGANIZATION)

    def launches(self, actor: Actor, deployment: Deployment, run_id: str) -> list[Request]:
        """The requests to launch a run, oldest first."""
        actor.require_system("Looking through the request queue")
        # Two deployments may have runs with the same id, as agents may store any run in their own.
        every = self._backend.store.requests.of_run(deployment.name, run_id)
        return [request for request in every if request.api == LAUNCH_RUN]

    def withdraw(self, actor: Actor, deployment: Deployment, request_ids: Collection[str]) -> bool:
        """Take back requests that no agent has taken; returns whether there were any."""
        actor.require_system("Withdrawing requests")
        return bool(self._backend.store.requests.withdraw(deployment.name, list(request_ids)))

    def expire(self, actor: Actor, deployment: Deployment, request_ids: Collection[str]) -> None:
        """Drop requests that nobody needs any more, unless they are answered."""
        actor.require_system("Dropping requests")
        self._backend.store.requests.expire(deployment.name, list(request_ids))

    def expire_unwanted(self, actor: Actor, request: Request) -> bool:
        """Drop a launch whose run should no longer start; returns whether it was dropped."""
        actor.require_system("Dropping requests")
        return not self._is_still_wanted(request)

    def expire_overdue(self, actor: Actor) -> list[Request]:
        """Drop and return the requests that were not answered in time."""
        actor.require_system("Dropping requests")
        expired = self._backend.store.requests.expire_overdue(ORGANIZATION)
        for request in expired:
            self._tally.count(TallyKind.EXPIRED, request.queue)
        self._backend.bell.ring(*(bell.answered(request.id) for request in expired))
        return expired

    def redeliver(self, actor: Actor, request: Request) -> bool:
        """Put a leased request back on its queue, because nobody works on it.

        Returns:
            False when it was answered, delivered again or begun since it was read.
        """
        actor.require_system("Giving a request to another agent")
        if request.api == LAUNCH_RUN and self._is_begun(request):
            return False
        is_given_back = self._backend.store.requests.give_back(request)
        if is_given_back:
            self._tally.count(TallyKind.REDELIVERED, request.queue)
            if request.api == LAUNCH_RUN:
                event = Return(request_id=request.id)
                self._backend.store.launches.step(request.deployment, str(request.run_id), event)
            self._backend.bell.ring(bell.queue(request.queue))
        return is_given_back

    def purge(self, actor: Actor, older_than_seconds: float) -> int:
        """Remove requests that ended that long ago; returns how many."""
        actor.require_system("Purging the request queue")
        return self._backend.store.requests.purge(ORGANIZATION, older_than_seconds)

    @property
    def _tally(self) -> Tally:
        return self._backend.store.tallies.tally

    def _token_of_run(self, deployment: Deployment, run_id: str) -> int | None:
        launch = self._backend.store.launches.newest(deployment.name, run_id)
        if launch is None or launch.begun_by is None:
            return None
        return Roster.of(self._backend).token_of(launch)

    def _may_be_taken(self, request: Request) -> bool:
        if request.api != LAUNCH_RUN:
            return True
        event = Delivery(request_id=request.id)
        step = self._backend.store.launches.step(request.deployment, str(request.run_id), event)
        if step.launch is None:
            return self._is_still_wanted(request)
        if not step.counts:
            self._backend.store.requests.expire(request.deployment, [request.id])
        return step.counts

    def _is_begun(self, request: Request) -> bool:
        launch = self._backend.store.launches.newest(request.deployment, str(request.run_id))
        return (
            launch is not None and launch.request_id == request.id and launch.begun_by is not None
        )

    def _is_still_wanted(self, request: Request) -> bool:
        if request.api != LAUNCH_RUN:
            return True
        launch = self._backend.store.launches.newest(request.deployment, str(request.run_id))
        if launch is not None and launch.request_id == request.id:
            is_wanted = launch.is_open
        else:
            deployment = self._backend.store.deployments.get(request.deployment)
            is_wanted = self._backend.orchestration.wants_to_start(deployment, str(request.run_id))
        if is_wanted:
            return True
        self._backend.store.requests.expire(request.deployment, [request.id])
        return False


def _claim(actor: Actor, poll: Poll) -> Claim:
    """What a poll may take, as far as the token of its agent grants it.

    Raises:
        ForbiddenError: when that grants none of the queues.
    """
    token = actor.token
    return Claim(
        token_id=0 if token is None else token.id,
        deployments=frozenset(
            name
            for name in poll.full_deployments
            if token is None or token.grants_deployment(name, is_branch=False)
        ),
        branch_deployments=poll.branch_deployments and (token is None or token.branch_deployments),
        queues=actor.cut_queues(poll.queues),
        limit=poll.limit,
    )
