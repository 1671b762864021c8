"""Compressed texts: what is taken, what is too much, and how many are read at one time."""

from __future__ import annotations

import threading
import zlib

import pytest

from dagstead.control.memory import MemoryBudget, MemoryBusyError
from dagstead.control.unpacking import TextKind, cost_of, unpacked, unpacked_text
from dagstead.errors import InvalidInputError, TooLargeError
from dagstead.testing import eventually

SMALL = TextKind(name="Small texts", most_bytes=4 << 20, setting="max_small_mb")
#: It does not compress well: the pieces of file and text do not go together.
TEXT = b"".join(str(number * 7919).encode() for number in range(300_000))


@pytest.mark.parametrize("size", [1, 1000, 65_536, 10_000_000])
@pytest.mark.parametrize("level", [0, 1, 9])
def test_a_text_comes_whole_whatever_the_pieces(size: int, level: int) -> None:
    data = zlib.compress(TEXT, level)
    if size == 1:
        data, whole = zlib.compress(TEXT[:5000], level), TEXT[:5000]
    else:
        whole = TEXT

    pieces = [data[at : at + size] for at in range(0, len(data), size)]

    assert b"".join(unpacked(pieces, SMALL)) == whole


def test_a_text_of_exactly_the_most_is_taken() -> None:
    data = zlib.compress(b"x" * SMALL.most_bytes)
    assert sum(map(len, unpacked([data], SMALL))) == SMALL.most_bytes


@pytest.mark.parametrize(
    ("data", "error", "says"),
    [
        (b"", InvalidInputError, "incomplete"),
        (b"plain text", InvalidInputError, "not compressed"),
        (zlib.compress(TEXT)[:-1], InvalidInputError, "incomplete"),
        (zlib.compress(TEXT) + b"more", InvalidInputError, "follows"),
        (zlib.compress(b"x" * (SMALL.most_bytes + 1)), TooLargeError, "raise max_small_mb"),
        # Blocks without a text, so that only the file is long.
        (zlib.compress(b"")[:2] + b"\x00\x00\x00\xff\xff" * 1_200_000, TooLargeError, "4 MiB"),
    ],
    ids=["nothing", "plain", "cut off", "with more", "too large", "a large file of nothing"],
)
def test_others_are_refused(data: bytes, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        list(unpacked([data], SMALL))


def test_a_text_that_grows_when_it_is_read_is_refused() -> None:
    budget = MemoryBudget(1 << 30)
    with (
        pytest.raises(TooLargeError, match="MiB when they are read"),
        unpacked_text(zlib.compress(b"{}," * 1_000_000), SMALL, budget),
    ):
        pass
    assert budget.lent == 0


def test_memory_is_lent_while_a_text_is_read() -> None:
    budget = MemoryBudget(1 << 30)
    with unpacked_text(zlib.compress(b"[1, 2]"), SMALL, budget) as text:
        assert (text, budget.lent) == (b"[1, 2]", cost_of(text))
    assert budget.lent == 0


def test_who_does_not_fit_waits_for_others() -> None:
    budget = MemoryBudget(100, patience=30)
    order: list[str] = []

    def second() -> None:
        with budget.lend(60):
            order.append("second")

    with budget.lend(60):
        thread = threading.Thread(target=second)
        thread.start()
        eventually(lambda: budget._waiting, 10, "the second to wait")
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]
    assert budget.lent == 0


def test_who_needs_more_than_there_is_is_alone() -> None:
    budget = MemoryBudget(100, patience=0)
    with budget.lend(1000):
        with pytest.raises(MemoryBusyError), budget.lend(1):
            pass
        with pytest.raises(MemoryBusyError):
            budget.take(1)
    budget.take(60)
    budget.take(600, held=60)
    with pytest.raises(MemoryBusyError):
        budget.take(1)
    budget.give_back(660)
    assert budget.lent == 0


def test_few_wait_at_one_time() -> None:
    budget = MemoryBudget(100, patience=30)

    def wait() -> None:
        with budget.lend(100):
            pass

    with budget.lend(100):
        threads = [threading.Thread(target=wait) for _ in range(4)]
        for thread in threads:
            thread.start()
        eventually(lambda: budget._waiting == len(threads), 10, "four to wait")
        with pytest.raises(MemoryBusyError), budget.lend(100):
            pass
    for thread in threads:
        thread.join(10)
    assert budget.lent == 0
