"""The step of the launch machine: from an event to the record that it leaves behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from dagstead.model.queues import name_queue
from dagstead.plane.launch_machine.events import (
    Begin,
    Delivery,
    Dequeue,
    End,
    Event,
    Fall,
    LaunchAnswer,
    LaunchOffer,
    Return,
    SignOfLife,
    Start,
    StopWish,
    Submission,
    WorkerCall,
)
from dagstead.plane.launches import FormerQueue, How, Launch, LaunchEnd, LaunchState, RunEnd, Stop

#: Official clients repeat a call whose answer was lost for about a minute.
REPEAT_SECONDS = 75.0

#: The pause between two questions of a worker for its run, in seconds, and what delays it.
_RHYTHM = (8.0, 16.0)

#: So often in a row it has asked in its rhythm before its silence means anything.
ASKING_TIMES = 2

#: In place of that number: somebody asks for the run, and not as its worker does.
NOT_ITS_WORKER = -1

_BEFORE_BEGIN = frozenset(LaunchState) - {LaunchState.BEGUN, LaunchState.ENDED}


@dataclass(frozen=True, kw_only=True, slots=True)
class LaunchStep:
    """What an event did."""

    #: Whether it counts: whether the run, or who asked, may go on as the event says.
    counts: bool
    #: The newest launch after it; ``None`` while the run has none.
    launch: Launch | None
    #: Another launch of the run, which follows the one that has ended.
    successor: Launch | None = None
    #: Why it does not count, as a sentence for people.
    reason: str = ""


def advance(launch: Launch | None, event: Event, *, new: Launch, now: float) -> LaunchStep:
    """Apply an event to the newest launch of a run.

    Args:
        launch: the newest one, or ``None``.
        event: what happened.
        new: what the first launch of the run looks like, if this event makes it.
        now: in seconds since 1970.
    """
    if launch is None:
        return _first(event, new, now)
    if not launch.is_open:
        return _after_the_end(launch, event)
    return _MOVES[type(event)](launch, event, now)


def _first(event: Event, new: Launch, now: float) -> LaunchStep:
    if isinstance(event, (Fall, Delivery, Return, Begin, LaunchAnswer, WorkerCall, SignOfLife)):
        # It was made before launches had records, or in another deployment.
        return LaunchStep(counts=isinstance(event, Begin), launch=None)
    return _MOVES[type(event)](new, event, now)


def _after_the_end(launch: Launch, event: Event) -> LaunchStep:
    ending = launch.ending
    if (
        isinstance(event, End)
        and ending is not None
        and not launch.is_shown
        and ending.event is not None
        and ending.event == event.ending.event
    ):
        # The same event once more: the try before this one was interrupted.
        return LaunchStep(counts=True, launch=launch)
    return _refused(launch, f"The run has ended: {_words(launch)}")


def _submit(launch: Launch, event: Submission, _now: float) -> LaunchStep:
    if launch.stop is not None:
        return _refused(launch, f"It is to end: {launch.stop.reason}")
    queued = _with_queue(launch, event)
    if launch.state is LaunchState.DEQUEUED:
        # The daemon that took it from the run queue has put it back.
        return _counts(queued, state=LaunchState.QUEUED)
    return _counts(queued)


def _dequeue(launch: Launch, event: Dequeue, _now: float) -> LaunchStep:
    if launch.stop is not None:
        return _refused(launch, f"It is to end: {launch.stop.reason}")
    queued = _with_queue(launch, event)
    if launch.state is LaunchState.QUEUED:
        return _counts(queued, state=LaunchState.DEQUEUED)
    return _counts(queued)


def _with_queue(launch: Launch, event: Submission | Dequeue) -> Launch:
    """The launch with the queue that it keeps, whatever becomes of its location."""
    if launch.has_queue or event.location is None:
        return launch
    return replace(launch, location=event.location, queue=event.queue)


def _fall(launch: Launch, event: Fall, _now: float) -> LaunchStep:
    if launch.state is not LaunchState.QUEUED or not launch.has_queue:
        return _refused(launch, "It does not wait in the run queue.")
    if launch.fell_from is not None:
        return _refused(launch, "It has gone to another queue before.")
    return _counts(launch, queue=event.queue, fell_from=FormerQueue(queue=launch.queue))


def _offer(launch: Launch, event: LaunchOffer, now: float) -> LaunchStep:
    if launch.stop is not None:
        return _refused(launch, f"It is to end: {launch.stop.reason}")
    if launch.is_offered:
        return _refused(launch, "It was offered to agents before.")
    return _counts(
        launch,
        state=LaunchState.OFFERED,
        request_id=event.request_id,
        location=event.location,
        queue=event.queue,
        tags=event.tags,
        offered_at=now,
    )


def _request_moves(
    launch: Launch, event: Delivery | Return | LaunchAnswer, now: float
) -> LaunchStep:
    if launch.request_id != event.request_id:
        return _refused(launch, "Another request launches it.")
    match event, launch.state:
        case Delivery(), LaunchState.OFFERED | LaunchState.TAKEN:
            return _counts(launch, state=LaunchState.TAKEN, taken_at=now)
        case Return(), LaunchState.OFFERED | LaunchState.TAKEN:
            return _counts(launch, state=LaunchState.OFFERED, taken_at=None)
        case LaunchAnswer(), _:
            return _counts(launch, answered_at=now)
        case _:
            return _refused(launch, "An agent has begun it.")


def _begin(launch: Launch, event: Begin, now: float) -> LaunchStep:
    objection = _objection(launch, event)
    if objection is not None:
        return _refused(launch, objection)
    if launch.begun_by is None:
        return _counts(
            launch,
            state=LaunchState.BEGUN,
            begun_at=now,
            begun_by=event.agent_id,
            begun_with=event.token_id,
        )
    is_the_same = event.agent_id == launch.begun_by and (
        event.token_id is None or launch.begun_with in {None, event.token_id}
    )
    is_repeated_call = (
        is_the_same
        # Handed out once, the request has one thread of one agent that can ask.
        and event.deliveries == 1
        and launch.answered_at is None
        and launch.started_at is None
        and now - (launch.begun_at or now) <= REPEAT_SECONDS
    )
    if is_repeated_call:
        return _counts(launch)
    who = "this agent before" if is_the_same else "another agent"
    return _refused(launch, f"It was begun by {who}.")


def _objection(launch: Launch, event: Begin) -> str | None:
    """Why who asks may not begin it, whether or not somebody has."""
    if launch.stop is not None:
        return f"It is no longer wanted: {launch.stop.reason}"
    home = launch.fell_from
    if home is not None and event.grants is not None and home.queue not in event.grants:
        return f"Its location is on {name_queue(home.queue)}, which the token does not grant."
    if not _holds(launch, event):
        return "Its request is with another agent, or back on its queue."
    return None


def _holds(launch: Launch, event: Begin) -> bool:
    """Whether who asks has taken the request, so far as the launch has one."""
    return event.token_id is None or launch.request_id not in event.others


def _start(launch: Launch, _event: Start, now: float) -> LaunchStep:
    started = replace(
        launch,
        state=LaunchState.BEGUN,
        begun_at=launch.begun_at or now,
        started_at=launch.started_at or now,
    )
    if launch.stop is not None:
        # It may not look like a run that nobody wants to end: its worker reads its status.
        return LaunchStep(
            counts=False, launch=started, reason=f"It is to end: {launch.stop.reason}"
        )
    return LaunchStep(counts=True, launch=started)


def may_be_its_worker(launch: Launch, now: float) -> bool:
    """Whether who asks for a run now may be its worker."""
    if launch.state is not LaunchState.BEGUN:
        return False
    if launch.asked_at is None or launch.started_at is None:
        return True
    is_undecided = 0 <= launch.asked_times < ASKING_TIMES
    return is_undecided or now - launch.asked_at >= _RHYTHM[0]


def _ask(launch: Launch, _event: WorkerCall, now: float) -> LaunchStep:
    if not may_be_its_worker(launch, now):
        return _refused(launch, "Its worker does not ask now.")
    return _counts(launch, asked_at=now, asked_times=_times_in_a_row(launch, now))


def _times_in_a_row(launch: Launch, now: float) -> int:
    """How often in a row its worker has asked in its rhythm.

    Every worker asks once before it starts its run, and one of an isolated agent goes on from then.
    Users' code may ask for any run, at any pace.
    """
    pause = None if launch.asked_at is None else now - launch.asked_at
    is_in_rhythm = pause is not None and _RHYTHM[0] <= pause <= _RHYTHM[1]
    if launch.started_at is None:
        return launch.asked_times + 1 if is_in_rhythm else 0
    if pause is None or launch.asked_times == NOT_ITS_WORKER:
        return NOT_ITS_WORKER
    if is_in_rhythm:
        return launch.asked_times + 1
    is_delayed = launch.asked_times >= ASKING_TIMES and pause <= REPEAT_SECONDS
    return launch.asked_times if is_delayed else NOT_ITS_WORKER


def _see(launch: Launch, event: SignOfLife, _now: float) -> LaunchStep:
    return _counts(launch, unknown_since=event.unknown_since)


def _stop(launch: Launch, event: StopWish, now: float) -> LaunchStep:
    if launch.stop is not None:
        return _counts(launch)
    stop = Stop(end=event.end, by=event.by, reason=event.reason, asked_at=now)
    if launch.state in _BEFORE_BEGIN:
        ending = LaunchEnd(status=event.end, how=How.WITHDRAWN, by=event.by, reason=event.reason)
        return _counts(launch, state=LaunchState.ENDED, stop=stop, ended_at=now, ending=ending)
    return _counts(launch, stop=stop)


def _end(launch: Launch, event: End, now: float) -> LaunchStep:
    if event.number not in {None, launch.number}:
        return _refused(launch, f"Launch {event.number} has been followed by another one.")
    ended = replace(
        launch, state=LaunchState.ENDED, ended_at=now, ending=_settled(launch, event.ending)
    )
    if ended.final is not None:
        return LaunchStep(counts=True, launch=ended)
    successor = Launch(
        deployment=launch.deployment,
        run_id=launch.run_id,
        number=launch.number + 1,
        state=LaunchState.QUEUED,
        created_at=now,
        location=launch.location,
        queue=launch.queue,
        fell_from=launch.fell_from,
    )
    return LaunchStep(counts=True, launch=replace(ended, is_shown=True), successor=successor)


def _settled(launch: Launch, ending: LaunchEnd) -> LaunchEnd:
    """The ending, with the status that a wish to end the run has asked for."""
    stop = launch.stop
    if stop is None or ending.status is RunEnd.SUCCESS:
        return ending
    # A worker that comes to a run that is being ended calls that a failure of its own, too.
    has_failed = ending.status is RunEnd.FAILURE and launch.started_at is not None
    if ending.event is not None and (has_failed or ending.status is stop.end):
        # It failed by itself while it was being ended, or ended as it was to.
        return ending
    reason = stop.reason if ending.how is How.REPORTED else f"{stop.reason} {ending.reason}"
    return replace(ending, status=stop.end, reason=reason, event=None)


def _counts(launch: Launch, **changes: object) -> LaunchStep:
    return LaunchStep(counts=True, launch=replace(launch, **changes))  # type: ignore[arg-type]


def _refused(launch: Launch, reason: str) -> LaunchStep:
    return LaunchStep(counts=False, launch=launch, reason=reason)


def _words(launch: Launch) -> str:
    if launch.ending is None:
        return "nothing more is known."
    return f"{launch.ending.status or 'launched again'}. {launch.ending.reason}"


_MOVES: Mapping[type[Event], Callable[[Launch, Any, float], LaunchStep]] = {
    Submission: _submit,
    Dequeue: _dequeue,
    Fall: _fall,
    LaunchOffer: _offer,
    Delivery: _request_moves,
    Return: _request_moves,
    LaunchAnswer: _request_moves,
    Begin: _begin,
    Start: _start,
    WorkerCall: _ask,
    SignOfLife: _see,
    StopWish: _stop,
    End: _end,
}
