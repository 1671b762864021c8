"""Queues as objects: what is known of an agent queue beside its name, and how it is changed.

A queue exists as soon as something names it: a location, an agent or a token. It becomes an object
when somebody gives it a limit, an owner or a pause; until then it has the defaults of
:class:`Queue`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from enum import Enum, StrEnum
from typing import Any, Final, Literal, TypeAlias

from dagstead.errors import InvalidInputError
from dagstead.model.queues import is_default_by_name, name_queue
from dagstead.plane.names import NAME_MAX, check_readable, check_short

#: Notes and descriptions are read in one line of a table.
TEXT_MAX = 500
LIMIT_MAX = 100_000
PRIORITY_MAX = 1000
#: Agents are missed after a minute and a half: a shorter wait says nothing of them.
WAIT_MIN, WAIT_MAX = 60.0, 30 * 86400.0
PAUSE_MAX = 3653 * 86400.0


class FallbackKind(StrEnum):
    """What becomes of runs whose queue no agent serves for longer than its longest wait."""

    #: They go on waiting.
    WAIT = "wait"
    #: They fail, with the reason.
    FAIL = "fail"
    #: They go to another queue.
    QUEUE = "queue"


@dataclass(frozen=True, kw_only=True, slots=True)
class Fallback:
    """What becomes of them, and where they go; ``None`` is the default queue."""

    kind: FallbackKind = FallbackKind.WAIT
    queue: str | None = None

    @property
    def described(self) -> str:
        """For people, after "runs"."""
        match self.kind:
            case FallbackKind.WAIT:
                return "wait"
            case FallbackKind.FAIL:
                return "fail"
            case FallbackKind.QUEUE:
                return f"go to {name_queue(self.queue)}"


@dataclass(frozen=True, kw_only=True, slots=True)
class QueuePause:
    """The pause of one queue: its runs stay queued, and all its other work goes on."""

    #: The name of who began it.
    by: str
    #: In seconds since 1970.
    since: float
    note: str | None = None
    #: When it ends by itself; ``None`` is never.
    until: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Queue:
    """An agent queue, with what people have said of it."""

    #: ``None`` is the default queue.
    name: str | None
    owner: str | None = None
    description: str | None = None
    #: So many runs of it are under way at most, in all deployments together; ``None`` is any.
    limit: int | None = None
    #: Runs of a queue with a higher one are taken from the run queue first.
    priority: int = 0
    #: So long a run should wait at most, in seconds; after that somebody is called.
    longest_wait_seconds: float | None = None
    #: Whether locations of branch deployments may be on it.
    branch_deployments: bool = True
    fallback: Fallback = Fallback()
    #: Also one that has ended by itself, until it is resumed or paused again.
    pause: QueuePause | None = None
    #: When it was made by command, and by whom; ``None`` if it is known from its use alone.
    created_at: float | None = None
    created_by: str | None = None

    @property
    def is_made(self) -> bool:
        """Whether it is an object, made by command."""
        return self.created_at is not None

    def pause_at(self, now: float) -> QueuePause | None:
        """The pause that holds its runs; ``None`` when there is none, or it has ended."""
        pause = self.pause
        if pause is None or (pause.until is not None and pause.until <= now):
            return None
        return pause

    @property
    def holds(self) -> bool:
        """Whether it may ever hold a run, or move or order it: others cost nothing."""
        return (
            self.pause is not None
            or self.limit is not None
            or self.priority != 0
            or self.fallback.kind is not FallbackKind.WAIT
        )


class NoChange(Enum):
    """Stands for what a change does not name, as ``None`` means that there is none."""

    UNCHANGED = "unchanged"


UNCHANGED: Final = NoChange.UNCHANGED
_Same: TypeAlias = Literal[NoChange.UNCHANGED]


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueChange:
    """What is to be different; see :class:`Queue`. ``None`` takes something away."""

    owner: str | _Same | None = UNCHANGED
    description: str | _Same | None = UNCHANGED
    limit: int | _Same | None = UNCHANGED
    priority: int | _Same = UNCHANGED
    longest_wait_seconds: float | _Same | None = UNCHANGED
    branch_deployments: bool | _Same = UNCHANGED
    fallback: Fallback | _Same = UNCHANGED

    @property
    def named(self) -> dict[str, Any]:
        """What it names, by the names of :class:`Queue`."""
        every = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in every.items() if value is not UNCHANGED}

    def applied_to(self, queue: Queue) -> Queue:
        """The queue with the change.

        Raises:
            InvalidInputError: with everything in it that no queue can have.
        """
        changed = replace(queue, **self.named)
        problems = list(_problems(changed))
        if problems:
            raise InvalidInputError(" ".join(problems))
        return changed


def check_own_name(name: str | None) -> None:
    """Refuse a name that no queue has.

    Raises:
        InvalidInputError: for an empty one, one that people use for the default queue, and one that
            is too long or not readable.
    """
    if name is None:
        return
    if is_default_by_name(name):
        raise InvalidInputError(
            f"No queue is called {name!r}: the default queue has no name. Use --default-queue."
        )
    check_text("The queue", name, NAME_MAX)


def check_text(what: str, text: str | None, most: int = TEXT_MAX) -> None:
    """Refuse a text that does not fit into one line that people read.

    Raises:
        InvalidInputError: with what is wrong.
    """
    check_readable(what, text)
    check_short(what, text or "", most)


def check_until(until: float | None, now: float) -> None:
    """Refuse the end of a pause that is not ahead.

    Raises:
        InvalidInputError: when it is over already, or so far ahead that nobody means it.
    """
    if until is not None and until <= now:
        raise InvalidInputError(
            "The pause would be over already: --until is not in the future. Give a length of time, "
            "such as 2h, or a later time."
        )
    if until is not None and until - now > PAUSE_MAX:
        raise InvalidInputError(
            "The pause would end in more than ten years. Give an earlier time, or none: it then "
            "lasts until somebody ends it."
        )


def _problems(queue: Queue) -> Iterator[str]:
    for what, text in (("owner", queue.owner), ("description", queue.description)):
        check_text(f"The queue's {what}", text)
    if queue.limit is not None and not 1 <= queue.limit <= LIMIT_MAX:
        yield (
            f"A limit of {queue.limit} runs cannot be: it is from 1 to {LIMIT_MAX:,}. To start no "
            "run, pause the queue with `dagstead queues pause`."
        )
    if abs(queue.priority) > PRIORITY_MAX:
        yield f"The priority is {queue.priority}; it is from -{PRIORITY_MAX} to {PRIORITY_MAX}."
    wait = queue.longest_wait_seconds
    # A number that is none compares with nothing.
    if wait is not None and not WAIT_MIN <= wait <= WAIT_MAX:
        yield f"The longest wait is {wait:.0f} seconds; it is from one minute to 30 days."
    yield from _problems_of_fallback(queue)


def _problems_of_fallback(queue: Queue) -> Iterator[str]:
    fallback = queue.fallback
    if fallback.kind is FallbackKind.WAIT:
        return
    if queue.longest_wait_seconds is None:
        yield (
            "A fallback needs the longest wait, after which it acts. Say it with --longest-wait, "
            "such as 30m."
        )
    if fallback.kind is FallbackKind.QUEUE:
        check_own_name(fallback.queue)
        if fallback.queue == queue.name:
            yield f"The runs of {name_queue(queue.name)} cannot fall back to itself."
