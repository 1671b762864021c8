"""What the pool's agent says of its processes, and when."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from dagstead.serverless.environ import TOKEN_VARIABLE
from dagstead.serverless.processes import Processes
from dagstead.serverless.worker_tokens import TokenKeeper, WorkerToken
from dagstead.testing.waiting import eventually


@dataclass
class Plane:
    """Takes reports, unless it is away."""

    is_away: bool = False
    asked: int = 0
    reports: list[Processes] = field(default_factory=list)

    def send(self, processes: Processes) -> None:
        self.asked += 1
        if self.is_away:
            raise ConnectionError
        self.reports.append(processes)


def these(*running: int, ended: tuple[int, ...] = ()) -> Processes:
    return Processes(running=frozenset(running), ended=frozenset(ended))


@pytest.fixture
def plane() -> Plane:
    return Plane()


@pytest.fixture
def now() -> list[float]:
    return [time.monotonic()]


@pytest.fixture
def keeper(plane: Plane, now: list[float]) -> Iterator[TokenKeeper]:
    keeper = TokenKeeper(plane.send, clock=lambda: now[0])
    keeper.start()
    yield keeper
    keeper.stop()


def reports(plane: Plane, *expected: Processes) -> None:
    eventually(lambda: len(plane.reports) >= len(expected), 10, "the report")
    assert plane.reports == list(expected)


def test_nothing_is_said_before_it_is_known_what_runs(plane: Plane, keeper: TokenKeeper) -> None:
    """An agent that was killed has left processes, whose tokens would end."""
    keeper.stop()
    assert plane.asked == 0


def test_a_change_is_reported_at_once_and_an_end_once(plane: Plane, keeper: TokenKeeper) -> None:
    keeper.note(these(1, 2))
    reports(plane, these(1, 2))
    keeper.note(these(1, 2))
    keeper.note(these(1, ended=(2,)))
    reports(plane, these(1, 2), these(1, ended=(2,)))
    keeper.note(these(ended=(1, 2)))
    reports(plane, these(1, 2), these(1, ended=(2,)), these(ended=(1,)))


def test_what_could_not_be_said_is_said_when_the_server_is_back(
    plane: Plane, keeper: TokenKeeper, now: list[float]
) -> None:
    plane.is_away = True
    keeper.note(these(1))
    eventually(lambda: plane.asked == 1, 10, "the first try")
    keeper.note(these(1, ended=(2,)))
    plane.is_away = False
    now[0] += 60
    keeper.note(these(1, ended=(2,)))
    reports(plane, these(1, ended=(2,)))


def test_the_last_state_is_said_at_the_end(plane: Plane, keeper: TokenKeeper) -> None:
    keeper.note(these(1))
    reports(plane, these(1))
    keeper.note(these(ended=(1,)))
    keeper.stop()
    # With the end or, if the thread was quicker, once more after it.
    assert plane.reports[1:] in ([these(ended=(1,))], [these(ended=(1,)), these()])


def test_the_token_of_a_process_replaces_any_other() -> None:
    token = WorkerToken(id=7, secret="worker:org:7")
    given = token.given_to({TOKEN_VARIABLE: "agent:org:1", "PATH": "/bin"})
    assert given == {TOKEN_VARIABLE: "worker:org:7", "PATH": "/bin"}
    assert "worker:org:7" not in repr(token)
