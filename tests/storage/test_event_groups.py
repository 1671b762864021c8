"""Writers of an event log that come together share a transaction, and each key is stored once."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from dagster import DagsterEventType
from sqlalchemy import Connection

from dagstead.engine.event_groups import EventGroups, GroupedEventLog
from dagstead.plane.writes import KEPT_SECONDS
from dagstead.testing.clock import ManualClock
from dagstead.testing.waiting import eventually
from tests.support.event_logs import RUN_ID, EventLog, line, of_asset, of_run, opened

pytestmark = pytest.mark.storage

WRITERS = 16
PATIENCE = 60


@dataclass(frozen=True)
class Ground:
    """An event log, and how often it has begun a transaction of a group."""

    place: str
    log: EventLog
    begun: Counter[str]

    def texts(self) -> list[str]:
        """What is in the log."""
        return [entry.user_message for entry in self.log.get_logs_for_run(RUN_ID)]

    def store(self, text: str) -> Callable[[], None]:
        """What stores a line."""
        return lambda: self.log.store_event(line(text))


@pytest.fixture(params=["sqlite", "postgres"])
def ground(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ground]:
    place = (
        str(tmp_path) if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))
    )
    log = opened(place)
    begun = Counter[str]()
    begin = log._begin

    @contextmanager
    def counted() -> Iterator[Connection]:
        begun["transactions"] += 1
        with begin() as connection:
            yield connection

    log.groups._begin = counted
    yield Ground(place, log, begun)
    log.dispose()


@contextmanager
def meanwhile(ground: Ground) -> Iterator[Callable[[Callable[[], None], str | None], Future[None]]]:
    """What is written through it comes together: while a first write is under way."""
    under_way, may_end = threading.Event(), threading.Event()
    groups = ground.log.groups

    def first() -> None:
        under_way.set()
        assert may_end.wait(PATIENCE)

    with ThreadPoolExecutor(WRITERS + 1) as threads, ExitStack() as at_end:
        leader = threads.submit(groups.write, first)
        at_end.callback(may_end.set)
        assert under_way.wait(PATIENCE)
        sent: list[Future[None]] = []

        def write(store: Callable[[], None], key: str | None) -> Future[None]:
            sent.append(threads.submit(groups.write, store, key))
            eventually(
                lambda: len(groups._waiting) == len(sent),
                PATIENCE,
                "it to wait",
            )
            return sent[-1]

        yield write
        may_end.set()
        leader.result(PATIENCE)
        for each in sent:
            each.exception(PATIENCE)


def test_those_who_come_together_share_a_transaction(ground: Ground) -> None:
    with meanwhile(ground) as write:
        for number in range(WRITERS):
            write(ground.store(str(number)), f"key {number}")
    assert ground.begun["transactions"] == 2
    assert ground.texts() == [str(number) for number in range(WRITERS)]


def test_what_changes_the_status_of_a_run_waits_for_no_group(ground: Ground) -> None:
    ground.log.store_event(of_run(DagsterEventType.RUN_SUCCESS))
    assert ground.begun["transactions"] == 0
    ground.log.store_event(line("after it"))
    assert ground.begun["transactions"] == 1
    assert ground.texts() == ["", "after it"]


def test_a_write_of_many_events_is_one_transaction(ground: Ground) -> None:
    def store() -> None:
        for number in range(50):
            ground.log.store_event(line(str(number)))

    ground.log.groups.write(store, "key")
    assert ground.begun["transactions"] == 1
    assert len(ground.texts()) == 50


def test_a_key_is_stored_once(ground: Ground) -> None:
    ground.log.groups.write(ground.store("a"), "key")
    ground.log.groups.write(ground.store("a"), "key")
    with meanwhile(ground) as write:
        for _ in range(3):
            write(ground.store("a"), "key")
            write(ground.store("b"), "another key")
    other = opened(ground.place)
    other.groups.write(lambda: other.store_event(line("a")), "key")
    other.dispose()
    assert ground.texts() == ["a", "b"]


def test_who_fails_disturbs_nobody_and_may_come_again(ground: Ground) -> None:
    def half() -> None:
        ground.log.store_event(line("half"))
        raise ValueError("half")

    with meanwhile(ground) as write:
        before = write(ground.store("before"), "before")
        failing = write(half, "half")
        after = write(ground.store("after"), "after")
    with pytest.raises(ValueError, match="half"):
        failing.result(PATIENCE)
    before.result(PATIENCE)
    after.result(PATIENCE)
    assert ground.texts() == ["before", "after"]

    ground.log.groups.write(ground.store("half"), "half")
    assert ground.texts() == ["before", "after", "half"]


def test_nobody_has_written_what_is_not_committed(ground: Ground) -> None:
    counted = ground.log.groups._begin

    @contextmanager
    def failing() -> Iterator[Connection]:
        with counted() as connection:
            yield connection
            raise OSError("No space left on device")

    with meanwhile(ground) as write:
        sent = [write(ground.store(str(number)), f"key {number}") for number in range(3)]
        ground.log.groups._begin = failing
    for each in sent:
        with pytest.raises(OSError, match="No space"):
            each.result(PATIENCE)
    assert ground.texts() == []

    ground.log.groups._begin = counted
    ground.log.groups.write(ground.store("0"), "key 0")
    assert ground.texts() == ["0"]


def test_all_are_written_and_none_twice_under_load(ground: Ground) -> None:
    def write(number: int) -> None:
        # Every one comes twice, as from a client that has heard no answer.
        ground.log.groups.write(ground.store(str(number // 2)), f"key {number // 2}")

    with ThreadPoolExecutor(WRITERS) as threads:
        list(threads.map(write, range(400)))
    assert Counter(ground.texts()) == Counter(str(number) for number in range(200))
    assert ground.begun["transactions"] < 400


def test_a_process_that_is_killed_has_stored_each_with_its_key(ground: Ground) -> None:
    program = [sys.executable, "-m", "tests.support.programs.keyed_writers", ground.place]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as writers:
        assert writers.stdout is not None
        told = {writers.stdout.readline().strip() for _ in range(100)}
        writers.kill()
        told |= {text.strip() for text in writers.stdout if text.endswith("\n")}

    stored = Counter(ground.texts())
    assert set(stored) >= told
    assert set(stored.values()) == {1}
    for text in told | {f"{writer}-{number}" for writer in range(4) for number in range(300)}:
        ground.log.groups.write(ground.store(text), text)
    again = Counter(ground.texts())
    assert again.keys() >= stored.keys()
    assert set(again.values()) == {1}


def test_keys_are_forgotten_when_nobody_sends_them_again(ground: Ground) -> None:
    clock = ManualClock()
    groups = EventGroups(ground.log._begin, clock)
    ground.log.groups = groups
    groups.prepare(ground.log._connect)
    groups.write(ground.store("a"), "key")
    clock.advance(KEPT_SECONDS - 1)
    groups.write(ground.store("a"), "key")
    assert ground.texts() == ["a"]
    clock.advance(61)
    groups.write(ground.store("b"), "another key")
    groups.write(ground.store("a"), "key")
    assert ground.texts() == ["a", "b", "a"]


def test_since_when_there_are_keys_is_remembered(ground: Ground) -> None:
    assert not ground.log.groups.had_keys(60)
    other = opened(ground.place)
    clock = ManualClock()
    clock.advance(other.groups._clock() - clock() + 61)
    later = EventGroups(other._begin, clock)
    later.prepare(other._connect)
    assert later.had_keys(60)
    other.dispose()


def test_two_who_wait_for_each_other_are_both_stored(postgres_url: str) -> None:
    log = opened(postgres_url)
    assert isinstance(log, GroupedEventLog)
    ground = Ground(postgres_url, log, Counter())
    for name in ("a", "b"):
        log.store_event(of_asset(name))
    change = "UPDATE asset_keys SET last_run_id = 'other' WHERE asset_key = %s"
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    with (
        psycopg.connect(postgres_url) as other,
        psycopg.connect(postgres_url, autocommit=True) as watching,
        ThreadPoolExecutor(1) as threads,
    ):

        def wait_for_the_first() -> None:
            eventually(lambda: watching.execute(waiting).fetchone() != (0,), PATIENCE, "one waits")
            other.execute(change, ['["a"]'])
            other.commit()

        other.execute(change, ['["b"]'])
        other_waits = threads.submit(wait_for_the_first)
        with meanwhile(ground) as write:
            sent = [
                write(lambda: log.store_event(of_asset("a")), "a"),
                write(lambda: log.store_event(of_asset("b")), "b"),
            ]
        for each in (other_waits, *sent):
            each.result(PATIENCE)
    assert len(log.get_logs_for_run(RUN_ID)) == 4
    log.dispose()
