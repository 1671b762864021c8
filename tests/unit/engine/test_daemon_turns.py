"""Whoever is due gets a turn, on few threads, and nobody waits for one that hangs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from dagstead.engine import daemon_turns
from dagstead.engine.daemon_turns import Turns
from dagstead.testing import eventually

PATIENCE = 20


@dataclass(eq=False)
class Worker:
    """Takes turns until it is told to end."""

    does: Callable[[], float | None] = lambda: 0.01
    began: list[float] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    is_over: bool = False

    def take(self) -> float | None:
        self.began.append(time.monotonic())
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return None if self.is_over else self.does()
        finally:
            self.at_once -= 1


@pytest.fixture
def turns() -> Iterator[Turns]:
    made = Turns()
    yield made
    for worker in list(made._seats):
        assert isinstance(worker, Worker)
        worker.is_over = True
        made.call(worker)
    assert made.stop(PATIENCE)
    eventually(lambda: not made._threads, PATIENCE, "the end of its threads")


def test_a_turn_begins_when_it_is_due_and_never_earlier(turns: Turns) -> None:
    worker = Worker(lambda: 0.05)
    turns.add(worker)
    eventually(lambda: len(worker.began) > 5, PATIENCE, "some turns")
    pauses = [b - a for a, b in zip(worker.began, worker.began[1:], strict=False)]
    assert min(pauses) >= 0.05


def test_hundreds_share_few_threads(turns: Turns) -> None:
    workers = [Worker(lambda: 0.02) for _ in range(300)]
    for worker in workers:
        turns.add(worker)
    most = 0

    def all_have_worked() -> bool:
        nonlocal most
        most = max(most, turns._threads)
        return all(len(worker.began) >= 3 for worker in workers)

    eventually(all_have_worked, PATIENCE, "three turns of each")
    assert {worker.most_at_once for worker in workers} == {1}
    assert most <= daemon_turns._AT_ONCE + 2


def test_nobody_waits_for_those_that_hang(turns: Turns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon_turns, "_HANGS_SECONDS", 0.1)
    held_up = threading.Event()

    def hang() -> float:
        held_up.wait(PATIENCE)
        return 0.0

    hanging = [Worker(hang) for _ in range(10)]
    other = Worker()
    for worker in (*hanging, other):
        turns.add(worker)
    eventually(lambda: len(other.began) > 5, PATIENCE, "turns of the other")
    assert [len(worker.began) for worker in hanging] == [1] * 10
    held_up.set()
    eventually(lambda: min(len(w.began) for w in hanging) > 1, PATIENCE, "their next turns")
    eventually(lambda: turns._threads <= 3, PATIENCE, "few threads")


def test_who_is_called_is_due_at_once_and_rests_again_after_that(turns: Turns) -> None:
    worker = Worker(lambda: 3600.0)
    turns.add(worker)
    eventually(lambda: len(worker.began) == 1, PATIENCE, "its first turn")
    turns.call(worker)
    eventually(lambda: len(worker.began) == 2, PATIENCE, "its second turn")


def test_a_call_in_the_middle_of_a_turn_is_not_lost(turns: Turns) -> None:
    goes_on = threading.Event()

    def work() -> float:
        goes_on.wait(PATIENCE)
        return 3600.0

    worker = Worker(work)
    turns.add(worker)
    eventually(lambda: worker.began, PATIENCE, "its first turn")
    turns.call(worker)
    goes_on.set()
    eventually(lambda: len(worker.began) == 2, PATIENCE, "its second turn")


def test_a_turn_that_fails_is_not_the_last(turns: Turns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon_turns, "_FAILED_SECONDS", 0.01)

    def fail() -> float:
        raise ValueError

    worker = Worker(fail)
    turns.add(worker)
    eventually(lambda: len(worker.began) > 2, PATIENCE, "turns after it")


def test_who_has_ended_is_not_called_any_more(turns: Turns) -> None:
    worker = Worker(is_over=True)
    turns.add(worker)
    eventually(lambda: not turns._seats, PATIENCE, "its end")
    turns.call(worker)
    assert turns.stop(0)
    assert len(worker.began) == 1


def test_it_says_when_somebody_does_not_end() -> None:
    turns, held_up = Turns(), threading.Event()

    def hang() -> None:
        held_up.wait(PATIENCE)

    turns.add(Worker(hang))
    assert not turns.stop(0.1)
    held_up.set()
    eventually(lambda: not turns._threads, PATIENCE, "the end of its threads")
