"""Names of queues: how they are shown, and the default queue, which has none."""

from __future__ import annotations

from collections.abc import Iterable

#: Names that people give the default queue, and what stands for "nothing" in other tools.
DEFAULT_QUEUE_WORDS = frozenset(
    {"default", "default-queue", "default_queue", "defaultqueue", "none", "null"}
)


def is_default_by_name(queue: str | None) -> bool:
    """Whether a queue has a name that people use for the default queue, which has none."""
    return queue is not None and queue.strip().lower() in {"", *DEFAULT_QUEUE_WORDS}


def describe_queue(queue: str | None) -> str:
    """A queue for a table; the default queue has no name."""
    return "(default queue)" if queue is None else queue


def name_queue(queue: str | None) -> str:
    """A queue in a sentence."""
    return "the default queue" if queue is None else f"queue {queue!r}"


def describe_queues(queues: Iterable[str | None]) -> str:
    """Queues in a sentence: names in order, the default queue last."""
    given = set(queues)
    named = sorted(queue for queue in given if queue is not None)
    shown = [each or repr(each) for each in named]
    return ", ".join([*shown, *([describe_queue(None)] if None in given else [])]) or "no queue"
