"""What people may say of a queue."""

from __future__ import annotations

import re

import pytest

from dagstead.errors import InvalidInputError
from dagstead.plane.queues import (
    Fallback,
    FallbackKind,
    Queue,
    QueueChange,
    QueuePause,
    check_own_name,
    check_until,
)

GPU = Queue(name="gpu", limit=4, owner="ml", longest_wait_seconds=600.0)
TO_CPU = Fallback(kind=FallbackKind.QUEUE, queue="cpu")


def test_a_change_leaves_what_it_does_not_name() -> None:
    changed = QueueChange(limit=None, priority=3).applied_to(GPU)
    assert (changed.limit, changed.priority, changed.owner) == (None, 3, "ml")
    assert QueueChange(owner=None).applied_to(GPU).owner is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (QueueChange(limit=0), "from 1 to 100,000. To start no run, pause the queue"),
        (QueueChange(limit=-3), "A limit of -3 runs cannot be"),
        (QueueChange(priority=5000), "The priority is 5000"),
        (QueueChange(longest_wait_seconds=float("nan")), "The longest wait is nan seconds"),
        (QueueChange(longest_wait_seconds=1.0), "from one minute to 30 days"),
        (QueueChange(fallback=Fallback(kind=FallbackKind.QUEUE, queue="gpu")), "to itself"),
        (
            QueueChange(fallback=TO_CPU, longest_wait_seconds=None),
            "A fallback needs the longest wait",
        ),
        (QueueChange(fallback=Fallback(kind=FallbackKind.QUEUE, queue="default")), "has no name"),
        (QueueChange(owner="a\x1b[31m"), "control character"),
        (QueueChange(description="x" * 501), "at most 500"),
    ],
)
def test_what_no_queue_can_have_is_refused_with_a_sentence(change: QueueChange, said: str) -> None:
    with pytest.raises(InvalidInputError, match=re.escape(said)):
        change.applied_to(GPU)


@pytest.mark.parametrize("name", ["", "default", "Default-Queue", "none", "x" * 256, "a\x00b"])
def test_a_name_that_no_queue_has_is_refused(name: str) -> None:
    with pytest.raises(InvalidInputError):
        check_own_name(name)


def test_the_default_queue_is_a_queue() -> None:
    check_own_name(None)


def test_a_pause_ends_by_itself() -> None:
    pause = QueuePause(by="ada", since=10.0, until=20.0)
    queue = Queue(name="gpu", pause=pause)
    assert queue.pause_at(19.9) == pause
    assert queue.pause_at(20.0) is None
    with pytest.raises(InvalidInputError, match="not in the future"):
        check_until(20.0, 20.0)
