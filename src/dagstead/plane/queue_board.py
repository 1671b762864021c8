"""Which of the runs that are queued may be taken from the run queue now, and in which order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from dagstead.plane.queue_views import SlotHolder
from dagstead.plane.queues import Queue, QueuePause


class HoldKind(StrEnum):
    """Why a queue holds a run."""

    PAUSED = "paused"
    #: As many of its runs are under way as may be.
    FULL = "full"
    #: No agent serves it, and its fallback is not due, or not possible.
    UNSERVED = "unserved"


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueHold:
    """What holds a run in the run queue: the facts for whoever explains it."""

    kind: HoldKind
    queue: Queue
    #: Of a paused queue.
    pause: QueuePause | None = None
    #: The runs that count for the limit of a full one, the oldest first.
    holders: tuple[SlotHolder, ...] = ()
    #: Why nobody serves it, and why no other queue takes the run: sentences.
    reason: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class WaitingRun:
    """A run in the run queue."""

    run_id: str
    #: ``None`` for a run that belongs to no location.
    location: str | None
    queue: str | None
    #: When it came there.
    since: float
    #: Whether a fallback has moved it before.
    has_fallen: bool = False
    #: Whether it counts for the limit of its queue: whoever took it died, before Dagster knew it.
    has_slot: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueBoard:
    """What is known of queues at one time, for those who start runs or say why none starts."""

    now: float
    #: Those that are objects.
    queues: Mapping[str | None, Queue] = field(default_factory=dict)
    #: The runs that count for limits, in all deployments, by queue, the oldest first.
    holders: Mapping[str | None, Sequence[SlotHolder]] = field(default_factory=dict)

    def queue(self, name: str | None) -> Queue:
        """The queue of a name, which need not be an object."""
        return self.queues.get(name) or Queue(name=name)

    def hold(self, name: str | None) -> QueueHold | None:
        """Why a queue holds its runs; ``None`` when it has room for at least one."""
        queue = self.queue(name)
        pause = queue.pause_at(self.now)
        if pause is not None:
            return QueueHold(kind=HoldKind.PAUSED, queue=queue, pause=pause)
        if self.room(name) == 0:
            holders = tuple(self.holders.get(name, ()))
            return QueueHold(kind=HoldKind.FULL, queue=queue, holders=holders)
        return None

    def room(self, name: str | None) -> int | None:
        """For how many more runs a queue has room; ``None`` is any number."""
        limit = self.queue(name).limit
        return None if limit is None else max(0, limit - len(self.holders.get(name, ())))


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """What a look at the run queue finds."""

    #: Those that may be taken, in that order. The last ones have no room unless others are not
    #: taken after all: Dagster's own limits come after this, and may keep back any of them.
    order: tuple[WaitingRun, ...]
    held: Mapping[str, QueueHold] = field(default_factory=dict)


def choose(runs: Sequence[WaitingRun], board: QueueBoard) -> Choice:
    """Sort the runs of a deployment by the priorities of their queues, and leave out what is held.

    Args:
        runs: in the order that they have without queues: by their own priorities, then by age.
        board: what is known of the queues.
    """
    holds = {name: board.hold(name) for name in {run.queue for run in runs}}
    held = {
        run.run_id: hold
        for run in runs
        if not run.has_slot and (hold := holds[run.queue]) is not None
    }
    free = [run for run in runs if run.run_id not in held]
    free.sort(key=lambda run: -board.queue(run.queue).priority)
    fitting, beyond = _split(free, board)
    return Choice(order=(*fitting, *beyond), held=held)


def _split(
    runs: Iterable[WaitingRun], board: QueueBoard
) -> tuple[list[WaitingRun], list[WaitingRun]]:
    """Those that their queues have room for, and those beyond."""
    taken: Counter[str | None] = Counter()
    fitting: list[WaitingRun] = []
    beyond: list[WaitingRun] = []
    for run in runs:
        room = None if run.has_slot else board.room(run.queue)
        taken[run.queue] += not run.has_slot
        (fitting if room is None or taken[run.queue] <= room else beyond).append(run)
    return fitting, beyond
