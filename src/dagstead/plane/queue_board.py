"""Which of the runs that are queued may be taken from the run queue now, and in which order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from dagstead.plane.queues import Queue, QueuePause


class HoldKind(StrEnum):
    """Why a queue holds a run."""

    PAUSED = "paused"
    #: As many of its runs are under way as may be.
    FULL = "full"
    #: No agent serves it, and what it falls back to is not due, or not possible.
    UNSERVED = "unserved"


@dataclass(frozen=True, kw_only=True, slots=True)
class Hold:
    """What holds a run in the run queue: facts for whoever explains it."""

    kind: HoldKind
    #: ``None`` is the default queue.
    queue: str | None
    #: Of a paused queue.
    pause: QueuePause | None = None
    #: Of a full one.
    limit: int | None = None
    running: int | None = None
    #: Of one that nobody serves: why, as a sentence; and why no other queue takes the run.
    reason: str | None = None

    @property
    def key(self) -> str:
        """The same for as long as there is nothing new to say about it."""
        name = "" if self.queue is None else f" {self.queue}"
        match self.kind:
            case HoldKind.PAUSED:
                since = "" if self.pause is None else f" {self.pause.since}"
                return f"paused{since}{name}"
            case HoldKind.FULL:
                return f"full {self.limit}{name}"
            case HoldKind.UNSERVED:
                return f"unserved{name}: {self.reason}"


@dataclass(frozen=True, kw_only=True, slots=True)
class QueuedRun:
    """A run in the run queue."""

    run_id: str
    queue: str | None
    #: Since when it waits.
    since: float | None = None
    #: The key of the hold that its events have said last.
    said: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueBoard:
    """What one look at the run queue of a deployment goes by."""

    now: float
    #: Those that are objects.
    queues: Mapping[str | None, Queue] = field(default_factory=dict)
    #: How many runs count for the limit of a queue, in all deployments.
    running: Mapping[str | None, int] = field(default_factory=dict)

    def queue(self, name: str | None) -> Queue:
        """The queue of a name, which need not be an object."""
        return self.queues.get(name) or Queue(name=name)

    def hold(self, name: str | None) -> Hold | None:
        """Why a queue holds its runs; ``None`` when it has room for at least one."""
        queue = self.queue(name)
        pause = queue.pause_at(self.now)
        if pause is not None:
            return Hold(kind=HoldKind.PAUSED, queue=name, pause=pause)
        running = self.running.get(name, 0)
        if queue.limit is not None and running >= queue.limit:
            return Hold(kind=HoldKind.FULL, queue=name, limit=queue.limit, running=running)
        return None

    def room(self, name: str | None) -> int | None:
        """For how many more runs a queue has room; ``None`` is any number."""
        limit = self.queue(name).limit
        return None if limit is None else max(0, limit - self.running.get(name, 0))


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """What a look at the run queue finds."""

    #: Those to take, in that order. The last ones have no room unless others are not taken after
    #: all: Dagster's own limits come after this, and may keep back any of them.
    order: tuple[str, ...]
    held: Mapping[str, Hold]


def choose(runs: Sequence[QueuedRun], board: QueueBoard) -> Choice:
    """Sort the runs of a deployment by the priorities of their queues, and leave out what is held.

    Args:
        runs: in the order that they have without queues: by their own priorities, then by age.
        board: what is known of the queues.
    """
    holds = {name: board.hold(name) for name in {run.queue for run in runs}}
    held = {run.run_id: hold for run in runs if (hold := holds[run.queue]) is not None}
    free = [run for run in runs if run.run_id not in held]
    free.sort(key=lambda run: -board.queue(run.queue).priority)
    fitting, beyond = _split(free, board)
    return Choice(order=tuple(run.run_id for run in [*fitting, *beyond]), held=held)


def _split(runs: Iterable[QueuedRun], board: QueueBoard) -> tuple[list[QueuedRun], list[QueuedRun]]:
    """Those that their queues have room for, and those beyond."""
    taken: Counter[str | None] = Counter()
    fitting: list[QueuedRun] = []
    beyond: list[QueuedRun] = []
    for run in runs:
        room = board.room(run.queue)
        taken[run.queue] += 1
        (fitting if room is None or taken[run.queue] <= room else beyond).append(run)
    return fitting, beyond
