"""Why no run of a queue is to start at present, because somebody wants it so."""

from __future__ import annotations

from shlex import quote

from dagstead.model.queues import describe_queue, name_queue
from dagstead.model.words import sentence
from dagstead.plane.pauses import Pause
from dagstead.plane.reasons import Mend, Reason, ReasonCode, written
from dagstead.plane.why_facts import PlaneFacts, QueueState, QueueWork


def why_held(plane: PlaneFacts, work: QueueWork, queue: QueueState | None) -> Reason | None:
    """Why no run is to start: the deployment is closed, or somebody has paused or limited it."""
    if work.deployment.closed:
        return Reason(
            code=ReasonCode.DEPLOYMENT_CLOSED,
            about=work.deployment.name,
            says=f"Deployment {work.deployment.name!r} is closed: nothing is launched there.",
            mend=Mend(says="Deploy the branch again to open it."),
        )
    if plane.pause is not None:
        return _paused(plane.pause)
    return None if queue is None else _by_queue(queue)


def _paused(pause: Pause) -> Reason:
    what = "No run starts in any deployment"
    if pause.everything:
        what = "No agent gets any work, and no run starts in any deployment,"
    return Reason(
        code=ReasonCode.ORGANIZATION_PAUSED,
        says=f"{what} since {written(pause.since)}. {sentence(pause.reason)}",
        since=pause.since,
        mend=Mend(says="End the pause.", command="dagstead resume"),
    )


def _by_queue(queue: QueueState) -> Reason | None:
    """What somebody has set for the queue, if that keeps a run from starting."""
    about = describe_queue(queue.queue)
    named = name_queue(queue.queue)
    if queue.paused_at is not None:
        note = f": {queue.note.rstrip('.')}" if queue.note else ""
        until = "" if queue.paused_until is None else f" until {written(queue.paused_until)}"
        return Reason(
            code=ReasonCode.QUEUE_PAUSED,
            about=about,
            says=f"{named[0].upper()}{named[1:]} was paused by {queue.paused_by or 'somebody'} at "
            f"{written(queue.paused_at)}{until}{note}.",
            since=queue.paused_at,
            mend=Mend(says="Resume the queue.", command=_queues("resume", queue.queue)),
        )
    if not queue.is_full:
        return None
    holders = ", ".join(run_id[:8] for run_id in queue.holders[:3])
    more = len(queue.holders) - 3
    held = f"{holders} and {more} more" if more > 0 else holders
    return Reason(
        code=ReasonCode.QUEUE_LIMIT,
        about=about,
        says=f"The limit of {named} is reached: {len(queue.holders)} of {queue.limit}, held by "
        f"{held or 'nobody'}.",
        mend=Mend(
            says="Wait for these, or raise the limit.",
            command=f"{_queues('set', queue.queue)} --limit {(queue.limit or 0) + 1}",
        ),
    )


def _queues(verb: str, queue: str | None) -> str:
    return f"dagstead queues {verb} {'--default-queue' if queue is None else quote(queue)}"
