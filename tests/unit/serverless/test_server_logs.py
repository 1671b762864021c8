"""What code servers print is sent to the control plane: the last lines, soon, and not too often."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from dagstead.model.server_logs import MOST_CHARACTERS, MOST_LINES, tail_of
from dagstead.serverless import server_logs
from dagstead.serverless.server_logs import LogSender, LogTail
from dagstead.testing.waiting import eventually


@dataclass
class Plane:
    """Takes logs, unless it is away."""

    is_away: bool = False
    asked: int = 0
    taken: list[LogTail] = field(default_factory=list)

    def send(self, printed: LogTail) -> None:
        self.asked += 1
        if self.is_away:
            raise ConnectionError
        self.taken.append(printed)

    def has(self, *lines: str) -> bool:
        return bool(self.taken) and list(self.taken[-1].lines) == list(lines)


@pytest.fixture
def plane() -> Plane:
    return Plane()


@pytest.fixture
def logs(plane: Plane, monkeypatch: pytest.MonkeyPatch) -> Iterator[LogSender]:
    monkeypatch.setattr(server_logs, "_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(server_logs, "_RETRY_SECONDS", 0.05)
    made = LogSender(plane.send, lambda: 100.0)
    made.start()
    yield made
    made.stop()


def test_a_server_that_begins_is_known_before_it_prints(plane: Plane, logs: LogSender) -> None:
    logs.begin("prod", "weather", "s1")
    eventually(plane.has, 10, "the empty log")
    logs.add("s1", "one")
    logs.add("s1", "two")
    eventually(lambda: plane.has("one", "two"), 10, "both lines")
    last = plane.taken[-1]
    assert (last.deployment, last.location, last.server) == ("prod", "weather", "s1")
    assert (last.started_at, last.ended_at, last.is_cut) == (100.0, None, False)


def test_an_end_is_sent_once_and_the_server_forgotten(plane: Plane, logs: LogSender) -> None:
    logs.begin("prod", "weather", "s1")
    logs.add("s1", "Killed")
    logs.end("s1")
    eventually(lambda: plane.has("Killed") and plane.taken[-1].ended_at == 100.0, 10, "the end")
    asked = plane.asked
    logs.add("s1", "after it")
    logs.begin("prod", "digits", "s2")
    eventually(lambda: plane.taken[-1].server == "s2", 10, "the other server")
    assert plane.asked == asked + 1


def test_what_could_not_be_sent_is_sent_later(plane: Plane, logs: LogSender) -> None:
    plane.is_away = True
    logs.begin("prod", "weather", "s1")
    eventually(lambda: plane.asked > 0, 10, "the first try")
    logs.add("s1", "meanwhile")
    plane.is_away = False
    eventually(lambda: plane.has("meanwhile"), 10, "the line")


def test_the_last_lines_are_sent_when_the_pool_stops(plane: Plane) -> None:
    logs = LogSender(plane.send, lambda: 100.0)
    logs.begin("prod", "weather", "s1")
    logs.add("s1", "bye")
    logs.start()
    logs.stop()
    assert plane.has("bye")


def test_only_the_tail_is_sent(plane: Plane, logs: LogSender) -> None:
    logs.begin("prod", "weather", "s1")
    for number in range(MOST_LINES + 10):
        logs.add("s1", str(number))
    eventually(lambda: plane.taken[-1:] != [] and len(plane.taken[-1].lines) > 400, 10, "them")
    eventually(lambda: plane.taken[-1].lines[-1] == str(MOST_LINES + 9), 10, "the last one")
    assert plane.taken[-1].lines[0] == "10"
    assert plane.taken[-1].is_cut


def test_a_tail_has_whole_lines_within_its_bounds() -> None:
    long = ["x" * 1_000] * 200
    kept = tail_of(long)
    assert set(kept) == {"x" * 1_000}
    assert 0 < sum(len(line) + 1 for line in kept) <= MOST_CHARACTERS
    assert tail_of([]) == []


def test_the_pool_explains_why_a_server_was_started_again(plane: Plane, logs: LogSender) -> None:
    logs.explain_next("prod", "weather", "The one before it ended.")
    logs.begin("prod", "traffic", "s1")
    logs.begin("prod", "weather", "s2")
    logs.add("s2", "one")
    eventually(lambda: plane.has("The one before it ended.", "one"), 10, "both lines")
    logs.begin("prod", "weather", "s3")
    eventually(lambda: plane.taken[-1].server == "s3" and plane.has(), 10, "an empty log")
