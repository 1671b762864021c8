"""Why a run or a request waits, decided on what is known of it."""

from __future__ import annotations

from dataclasses import replace

from dagstead.model.queues import describe_queue, name_queue
from dagstead.model.words import sentence
from dagstead.plane.launches import LaunchState
from dagstead.plane.reasons import Mend, Reason, ReasonCode, WaitStep, unknown, written
from dagstead.plane.requests import LAUNCH_RUN, TERMINATE_RUN, RequestState
from dagstead.plane.run_queue import Hold, RunStatus
from dagstead.plane.why_facts import PlaneFacts, QueueWork, RequestFacts, RunFacts
from dagstead.plane.why_held import why_held

#: The daemon looks every second, and an agent twice in one: until then nobody asks.
_SOON_SECONDS = 10.0

_LOG_OF_DAEMON = Mend(
    says="The log of the daemons says what they do with it.", command="dagstead status"
)
_LOG_OF_AGENT = Mend(says="The agent's own log says what it does.", command="dagstead agent list")


def why_run(facts: RunFacts) -> Reason:
    """Why a run waits, with the chain from the run."""
    run = facts.run
    match run.status:
        case RunStatus.NOT_STARTED:
            reason = _not_submitted(facts)
        case RunStatus.QUEUED:
            reason = _queued(facts)
        case RunStatus.STARTING:
            reason = _starting(facts)
        case RunStatus.STARTED:
            reason = _started(facts)
        case RunStatus.CANCELING:
            reason = _canceling(facts)
        case _:
            return _ended(facts)
    return reason.after(*_way(facts, reason.code)) if reason.is_waiting else reason


def why_request(facts: RequestFacts) -> Reason:
    """Why a request waits, with the chain from the request."""
    request, work = facts.request, facts.work
    match request.state:
        case RequestState.ANSWERED:
            at = "" if request.answered_at is None else f" at {written(request.answered_at)}"
            return Reason(
                code=ReasonCode.ANSWERED, says=f"It was answered{at}.", since=request.answered_at
            )
        case RequestState.EXPIRED:
            return Reason(
                code=ReasonCode.EXPIRED,
                says="Nobody waits for its answer any more: its time was over, or it was taken "
                f"back. It was delivered {_times(request.deliveries)}.",
                since=min(request.expires_at, facts.plane.now),
            )
        case RequestState.LEASED:
            reason = _popped(work, request.leased_at, f"The request {request.api}")
        case _:
            reason = _untaken(
                facts.plane, work, request.created_at, stops=_stops(facts.plane, request.api)
            )
    first = WaitStep(
        code=reason.code,
        says=f"Request {request.id[:8]} ({request.api}) waits.",
        since=request.created_at,
    )
    return reason.after(first, _on_queue(reason.code, work, None))


def _way(facts: RunFacts, code: ReasonCode) -> tuple[WaitStep, ...]:
    """From the run to what it waits for."""
    run, work = facts.run, facts.work
    of = f" of location {run.location!r}" if run.location else ""
    says = f"Run {run.short}{of} {_STATES[run.status]}."
    first = WaitStep(code=code, says=says, since=waits_since(facts))
    if run.status is not RunStatus.STARTING or facts.launch is None:
        return (first,)
    return first, _on_queue(code, work, facts.launch.offered_at)


_STATES = {
    RunStatus.NOT_STARTED: "is not in the run queue",
    RunStatus.QUEUED: "is in the run queue",
    RunStatus.STARTING: "is to be started",
    RunStatus.STARTED: "is under way",
    RunStatus.CANCELING: "is being ended",
}


def waits_since(facts: RunFacts) -> float:
    """Since when a run is where it is, in seconds since 1970."""
    launch, run = facts.launch, facts.run
    if launch is None:
        return run.created_at
    match run.status:
        case RunStatus.QUEUED:
            return launch.created_at
        case RunStatus.STARTING:
            return launch.begun_at or launch.taken_at or launch.offered_at or launch.created_at
        case RunStatus.CANCELING if launch.stop is not None:
            return launch.stop.asked_at
        case _:
            return launch.started_at or launch.created_at


def _on_queue(code: ReasonCode, work: QueueWork, since: float | None) -> WaitStep:
    return WaitStep(
        code=code,
        says=f"Its request is on {name_queue(work.queue)} of deployment {work.deployment.name!r}.",
        since=since,
    )


def _not_submitted(facts: RunFacts) -> Reason:
    created = facts.run.created_at
    return Reason(
        code=ReasonCode.NOT_SUBMITTED,
        says=f"It was created at {written(created)} and is not in the run queue: whoever created "
        "it is about to launch it, or died before.",
        since=created,
        mend=Mend(says="Launch it again. It is failed by itself after start_timeout_seconds."),
    )


def _queued(facts: RunFacts) -> Reason:
    since = waits_since(facts)
    plane, work = facts.plane, facts.work
    closed = why_held(plane, work, facts.queue)
    if closed is not None:
        return closed
    if plane.daemon_lost_at is not None:
        lost_at = plane.daemon_lost_at
        since_then = f": none since {written(lost_at)}" if lost_at else ": none ever did"
        return Reason(
            code=ReasonCode.NO_DAEMON,
            says=f"No process runs the daemons, which take runs from the run queue{since_then}.",
            since=plane.daemon_lost_at or None,
            mend=Mend(says="Start it, or `dagstead up`.", command="dagstead daemon"),
        )
    if facts.hold is not None:
        return _held(facts.hold, facts.holder)
    return _not_dequeued(facts, since)


def _held(hold: Hold, holder: Reason | None) -> Reason:
    """That a limit holds a run, and what the run waits for that holds the limit."""
    reason = hold.reason
    if holder is None:
        return reason
    own = WaitStep(code=reason.code, says=reason.says)
    return replace(reason, chain=(own, *holder.chain), mend=holder.mend or reason.mend)


def _not_dequeued(facts: RunFacts, since: float) -> Reason:
    """Why a run is in the run queue that no limit holds."""
    if facts.plane.now - since < _SOON_SECONDS:
        return Reason(
            code=ReasonCode.WAITS_FOR_DEQUEUE,
            says="No limit holds it: the daemon takes it from the run queue within seconds.",
            since=since,
        )
    if facts.location is not None:
        return facts.location
    absence = facts.work.absence
    if absence is not None:
        also = "" if facts.no_fallback is None else f" {facts.no_fallback}"
        return replace(absence, says=f"{absence.says}{also}")
    return unknown(
        f"no limit holds it, the daemons work, and it has been in the run queue since "
        f"{written(since)} all the same",
        _LOG_OF_DAEMON,
    )


def _starting(facts: RunFacts) -> Reason:
    launch, work, plane = facts.launch, facts.work, facts.plane
    since = waits_since(facts)
    if launch is None or not launch.is_offered:
        if plane.now - since < 2 * _SOON_SECONDS:
            return Reason(
                code=ReasonCode.WAITS_FOR_DEQUEUE,
                says="It was taken from the run queue, and is about to be offered to agents.",
                since=since,
            )
        return unknown(
            f"it was taken from the run queue at {written(since)} and not offered to agents",
            _LOG_OF_DAEMON,
        )
    if launch.state is LaunchState.OFFERED:
        return _untaken(plane, work, launch.offered_at or since, stops=True)
    if launch.state is LaunchState.TAKEN:
        return _popped(work, launch.taken_at, "The launch")
    return _begun(facts)


def _stops(plane: PlaneFacts, api: str) -> bool:
    """Whether a request is one that is not done in a pause, or of a closed deployment."""
    is_for_all = plane.pause is not None and plane.pause.everything
    return api == LAUNCH_RUN or (is_for_all and api != TERMINATE_RUN)


def _untaken(
    plane: PlaneFacts,
    work: QueueWork,
    since: float,
    *,
    stops: bool,
) -> Reason:
    """Why nobody has taken a request."""
    held = why_held(plane, work, None) if stops else None
    if held is not None:
        return held
    if work.absence is not None:
        return work.absence
    about = describe_queue(work.queue)
    named = name_queue(work.queue)
    if work.is_busy_loading:
        return Reason(
            code=ReasonCode.SERVER_STARTING,
            about=about,
            says=f"The agents of {named} are starting the code servers of their locations, and "
            "take no work until then.",
            since=since,
            mend=_LOG_OF_AGENT,
        )
    by = "its agents are alive and have"
    if work.servers is not None:
        by = f"{work.servers} is alive and has"
    return Reason(
        code=ReasonCode.WAITS_FOR_AGENT,
        about=about,
        says=f"It waits on {named} since {written(since)}: {by} not taken it yet.",
        since=since,
        mend=_LOG_OF_AGENT,
    )


def _popped(work: QueueWork, at: float | None, what: str) -> Reason:
    """Why something that an agent has taken is not answered."""
    taker = work.taker
    named = "an agent" if taker is None else taker.named
    when = "" if at is None else f" at {written(at)}"
    if taker is not None and taker.lost_at is not None:
        return Reason(
            code=ReasonCode.AGENT_LOST,
            about=named,
            says=f"{what} was taken by {named}{when}, which has not been heard of since "
            f"{written(taker.lost_at)}. It is offered again by itself, if nobody has begun it.",
            since=taker.lost_at,
            mend=_LOG_OF_AGENT,
        )
    return Reason(
        code=ReasonCode.POPPED_NOT_ANSWERED,
        about=named,
        says=f"{what} was taken by {named}{when} and is not answered yet.",
        since=at,
        mend=_LOG_OF_AGENT,
    )


def _begun(facts: RunFacts) -> Reason:
    """Why a run that an agent has begun has not started."""
    launch, taker = facts.launch, facts.work.taker
    assert launch is not None  # noqa: S101 - only a launch can be begun
    named = "an agent" if taker is None else taker.named
    since = launch.answered_at or launch.begun_at
    if taker is not None and taker.image_error is not None:
        return Reason(
            code=ReasonCode.IMAGE_PULL,
            about=facts.run.location,
            says=f"{taker.named[0].upper()}{taker.named[1:]} cannot pull an image: "
            f"{sentence(taker.image_error)}",
            since=since,
            mend=Mend(
                says="See that the image exists and that the agent may pull it, and launch the run "
                "again."
            ),
        )
    if taker is not None and taker.lost_at is not None:
        return Reason(
            code=ReasonCode.AGENT_LOST,
            about=named,
            says=f"It was begun by {named}, which has not been heard of since "
            f"{written(taker.lost_at)}. The run goes on if its worker does.",
            since=taker.lost_at,
            mend=_LOG_OF_AGENT,
        )
    at = "" if since is None else f" at {written(since)}"
    begun = "started its worker" if launch.answered_at is not None else "began it"
    return Reason(
        code=ReasonCode.WORKER_STARTING,
        about=named,
        says=f"{named[0].upper()}{named[1:]} {begun}{at}, which has not reported yet: a container "
        "has to pull its image, and every worker imports the code first.",
        since=since,
        mend=Mend(
            says="The agent's log, `docker ps --all` or `kubectl get pods` say how far it is.",
            command="dagstead agent list",
        ),
    )


def _started(facts: RunFacts) -> Reason:
    launch = facts.launch
    if facts.step_hold is not None:
        return facts.step_hold.reason
    if launch is not None and launch.unknown_since is not None:
        named = "its agent" if facts.work.taker is None else facts.work.taker.named
        return Reason(
            code=ReasonCode.AGENT_LOST,
            about=named,
            says=f"Nothing is known of its worker since {written(launch.unknown_since)}: {named} "
            "has not been heard of since. The run goes on if its worker does.",
            since=launch.unknown_since,
            mend=_LOG_OF_AGENT,
        )
    since = waits_since(facts)
    return Reason(
        code=ReasonCode.RUNNING,
        says=f"It does not wait: it runs since {written(since)}.",
        since=since,
    )


def _canceling(facts: RunFacts) -> Reason:
    since = waits_since(facts)
    asked = f"It is to end since {written(since)}"
    taker = facts.work.taker
    if facts.is_out_of_reach and taker is not None:
        return Reason(
            code=ReasonCode.AGENT_LOST,
            about=taker.named,
            says=f"{asked}, and no live agent can end it: it is with {taker.named}.",
            since=since,
            mend=_LOG_OF_AGENT,
        )
    return Reason(
        code=ReasonCode.ENDING,
        says=f"{asked}, and its agent was asked to end it.",
        since=since,
        mend=_LOG_OF_AGENT,
    )


def _ended(facts: RunFacts) -> Reason:
    launch, run = facts.launch, facts.run
    ending = None if launch is None else launch.ending
    at = None if launch is None else launch.ended_at
    said = (ending.reason if ending is not None else "") or run.failure or ""
    because = f": {sentence(said)}" if said else "."
    when = "" if at is None else f" at {written(at)}"
    says = f"It does not wait: it has ended with {run.status}{when}{because}"
    if run.status is RunStatus.FAILURE and not said:
        says = (
            f"It has failed{when}, and nobody has recorded why: its log in the UI shows its last "
            "events."
        )
    return Reason(code=ReasonCode.ENDED, says=says, since=at)


def _times(deliveries: int) -> str:
    return {0: "to nobody", 1: "once"}.get(deliveries, f"{deliveries} times")
