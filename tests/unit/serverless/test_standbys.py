"""Which warm workers of a pool are kept, and for how long."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from dagstead.errors import PexError
from dagstead.serverless.sandbox.programs import StartCommand
from dagstead.serverless.warm.standby import Standby
from dagstead.serverless.warm.standbys import Standbys
from dagstead.serverless.warm.worker import ASKED_FOR_TOKEN
from dagstead.testing.clock import ManualClock
from dagstead.testing.waiting import eventually

#: A process that ends when nobody can tell it anything any more.
WAITS = "import sys; sys.stdin.buffer.read()"
A_WHILE = 601.0


class Shop:
    """Standbys with a clock that a test sets, and what was started and cleaned."""

    def __init__(self, most: int) -> None:
        self.clock = ManualClock()
        self.has_memory = True
        self.program = WAITS
        self.started = Counter[str]()
        self.cleaned = Counter[str]()
        self.all: list[Standby] = []
        self.standbys = Standbys(
            most=most, clock=self.clock, has_memory=lambda: self.has_memory, pause_seconds=0.0
        )

    def starts(self, key: str) -> Callable[[], Standby]:
        """What starts one."""

        def start() -> Standby:
            self.started[key] += 1
            command = StartCommand(
                command=[sys.executable, "-c", self.program], environment=os.environ
            )
            made = Standby.start(
                key, command, now=self.clock(), clean=lambda: self.cleaned.update([key])
            )
            self.all.append(made)
            return made

        return start

    def launch(self, key: str) -> Standby | None:
        """As for a launch: the one that waits, and another for the next."""
        taken = self.standbys.take(key)
        self.standbys.follow(key, self.starts(key))
        return taken

    def is_filled(self) -> bool:
        """Whether none is about to be started."""
        return not any(seat.is_being_filled for seat in self.standbys._seats.values())

    def filled(self) -> None:
        """Wait until those have been started that are about to be."""
        eventually(self.is_filled, 30, "what was begun")


@pytest.fixture
def shop() -> Iterator[Shop]:
    made = Shop(most=2)
    yield made
    made.filled()
    made.standbys.close()
    for standby in made.all:
        standby.end()


def test_a_run_finds_one_after_a_launch_and_no_other_run_gets_it(shop: Shop) -> None:
    assert shop.launch("a") is None
    shop.filled()
    taken = shop.standbys.take("a")
    assert taken is not None
    assert taken.is_waiting
    assert shop.standbys.take("a") is None
    assert shop.standbys.take("b") is None


def test_launches_at_the_same_time_have_one_started(shop: Shop) -> None:
    for _ in range(3):
        shop.standbys.follow("a", shop.starts("a"))
    shop.filled()
    shop.standbys.follow("a", shop.starts("a"))
    assert shop.started["a"] == 1


def test_the_one_whose_last_launch_is_longest_ago_makes_room(shop: Shop) -> None:
    for key in ("a", "b", "c"):
        shop.launch(key)
        shop.filled()
    assert shop.cleaned == {"a": 1}
    assert shop.standbys.take("a") is None
    assert shop.standbys.take("b") is not None
    assert shop.standbys.take("c") is not None


def test_one_that_is_too_old_is_not_taken(shop: Shop) -> None:
    shop.launch("a")
    shop.filled()
    shop.clock.advance(A_WHILE)
    assert shop.standbys.take("a") is None
    assert shop.cleaned == {"a": 1}


def test_for_rare_runs_none_waits_in_vain_again_and_again(shop: Shop) -> None:
    shop.launch("a")
    shop.filled()
    for _ in range(3):
        shop.clock.advance(A_WHILE)
        shop.standbys.look()
        shop.launch("a")
        shop.filled()
    assert shop.started["a"] == 1
    shop.launch("a")
    shop.filled()
    assert shop.started["a"] == 2


def test_one_that_has_ended_is_not_taken(shop: Shop) -> None:
    shop.launch("a")
    shop.filled()
    shop.all[0].mark.kill()
    eventually(lambda: not shop.all[0].is_waiting, 30, "its end")
    assert shop.standbys.take("a") is None


def test_without_memory_all_are_let_go_of_and_none_is_started(shop: Shop) -> None:
    shop.launch("a")
    shop.filled()
    shop.has_memory = False
    shop.standbys.look()
    assert shop.cleaned == {"a": 1}
    shop.launch("b")
    shop.filled()
    assert shop.started == {"a": 1}


def test_nothing_is_started_where_none_is_wanted() -> None:
    shop = Shop(most=0)
    shop.launch("a")
    shop.filled()
    assert not shop.started


def test_one_that_cannot_be_started_is_logged(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> Standby:
        raise PexError("there are no more users")

    shop.standbys.follow("a", fail)
    shop.filled()
    assert "there are no more users" in caplog.text
    assert shop.launch("a") is None


def test_the_end_of_a_pool_is_theirs(shop: Shop) -> None:
    shop.launch("a")
    shop.filled()
    shop.launch("b")
    shop.standbys.close()
    shop.filled()
    # One that was about to be started may be ended a moment later.
    eventually(lambda: not any(each.is_waiting for each in shop.all), 30, "their end")
    assert shop.launch("c") is None
    shop.filled()
    assert "c" not in shop.started


@pytest.mark.parametrize("look", [True, False], ids=["seen before", "seen by the next run"])
def test_code_that_needs_the_token_of_a_run_is_not_imported_before(
    shop: Shop, *, look: bool
) -> None:
    shop.program = (
        "import os, socket, sys; line = socket.socket(fileno=os.dup(0)); "
        f"line.sendall({ASKED_FOR_TOKEN!r}); line.recv(1)"
    )
    shop.launch("a")
    shop.filled()
    eventually(lambda: shop.all[0].needs_token, 30, "what it says")
    assert not shop.standbys.needs_token("a")
    if look:
        shop.standbys.look()
    assert shop.launch("a") is None
    assert shop.standbys.needs_token("a")
    shop.filled()
    assert shop.started["a"] == 1
