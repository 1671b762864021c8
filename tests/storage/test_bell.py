"""The bell: within a process, between processes, and when what connects them breaks."""

from __future__ import annotations

import asyncio
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path

import psycopg
import pytest

from dagstead.control import bell as topics
from dagstead.control.bell import Bell, Listener
from dagstead.store.bell import bell as bells
from dagstead.testing import eventually
from tests.support.ports import free_port
from tests.support.postgres import PostgresCluster

pytestmark = pytest.mark.storage

#: Far more than a ring takes, on a busy machine. Nothing but a ring ends these waits.
LONG = 60.0

_PROGRAM = Path(__file__).parents[1] / "support" / "programs" / "bell_process.py"

#: A bell as another process has it: with a line of its own.
Opened = Callable[[], bells.ProcessBell]


@pytest.fixture
def opened(database_url: str) -> Iterator[Opened]:
    """Opens bells on one database, and closes them at the end."""
    with ExitStack() as stack:

        def another() -> bells.ProcessBell:
            made = bells.open_bell(database_url)
            stack.callback(made.close)
            return made

        yield another


@contextmanager
def listening(bell: Bell, *names: str) -> Iterator[Listener]:
    """A listener in a process that others can reach by now."""
    with bell.listen(*names) as listener:
        assert listener.wait(LONG), "a line that is opened rings everything"
        yield listener


@contextmanager
def process(database_url: str, act: str, topic: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that rings, or listens."""
    with subprocess.Popen(
        [sys.executable, str(_PROGRAM), database_url, act, topic],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        try:
            yield child
        finally:
            child.kill()


def says(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def let_ring(child: subprocess.Popen[str]) -> None:
    assert child.stdin is not None
    child.stdin.write("\n")
    child.stdin.flush()
    assert says(child) == "rung"


def sockets_of(database_url: str) -> set[Path]:
    return set((Path(database_url.removeprefix("sqlite:///")).parent / "bell").iterdir())


def test_a_ring_wakes_another_process_and_only_who_listens_to_it(
    opened: Opened, database_url: str
) -> None:
    mine = opened()
    wanted, other = topics.answered("a request"), topics.answered("another")
    with (
        listening(mine, other) as untouched,
        listening(opened(), wanted) as listener,
        process(database_url, "ring", wanted) as ringer,
    ):
        let_ring(ringer)
        assert listener.wait(LONG)
        assert not listener.wait(0), "one ring wakes once"
        assert not untouched.wait(0)


def test_a_process_hears_what_is_rung_here(opened: Opened, database_url: str) -> None:
    with process(database_url, "listen", "a topic") as listener:
        assert says(listener) == "listening"
        opened().ring("a topic")
        assert says(listener) == "woken"


def test_the_last_ring_of_a_process_is_not_lost(opened: Opened, database_url: str) -> None:
    with listening(opened(), "a topic") as listener:
        short = bells.open_bell(database_url)
        short.ring("a topic")
        short.close()
        assert listener.wait(LONG)


def test_a_ring_before_the_wait_counts(opened: Opened) -> None:
    bell = opened()
    with listening(bell, "a topic") as listener:
        bell.ring("a topic")
        bell.ring("a topic")
        assert listener.wait(0)
        assert not listener.wait(0)


def test_many_topics_at_once_all_arrive(opened: Opened) -> None:
    """More than a notification of Postgres, or the queue of a socket, has room for."""
    names = [topics.queue("x" * 300 + str(number)) for number in range(20_000)]
    ringer = opened()
    for wanted in (names[0], names[1234], names[-1]):
        with listening(opened(), wanted) as listener:
            ringer.ring(*names[:1500], wanted)
            assert listener.wait(LONG)
            ringer.ring(*names)
            assert listener.wait(LONG)


def test_no_wake_up_is_lost_between_looking_and_waiting(opened: Opened) -> None:
    """Two processes take turns: a ring that got lost would stop them both."""
    turns = 1000
    turn = 0

    def play(bell: Bell, mine: int) -> None:
        nonlocal turn
        with listening(bell, f"turn of {mine}") as listener:
            while turn < turns:
                if turn % 2 == mine:
                    turn += 1
                    bell.ring(f"turn of {1 - mine}")
                else:
                    assert listener.wait(LONG)

    threads = [threading.Thread(target=play, args=(opened(), mine)) for mine in (0, 1)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(2 * LONG)
    assert turn == turns


def test_no_wake_up_of_an_event_loop_is_lost(opened: Opened) -> None:
    bell, ringer = opened(), opened()
    rounds = 500
    asked, done = threading.Semaphore(0), threading.Event()
    changed = count(1)
    seen = 0

    def ring() -> None:
        nonlocal seen
        for _ in range(rounds):
            asked.acquire()
            seen = next(changed)
            ringer.ring("a topic")
        done.set()

    async def wait() -> None:
        with bell.listen("a topic") as listener:
            for number in range(1, rounds + 1):
                asked.release()
                while seen < number:
                    assert await listener.wait_async(LONG)

    thread = threading.Thread(target=ring)
    thread.start()
    asyncio.run(wait())
    assert done.wait(LONG)
    thread.join()


def test_an_event_loop_is_not_held_while_it_waits(opened: Opened) -> None:
    async def wait() -> bool:
        with bell.listen("a topic") as listener:
            await listener.wait_async(LONG)
            waiting = asyncio.ensure_future(listener.wait_async(LONG))
            await asyncio.sleep(0)
            bell.ring("a topic")
            assert await waiting
            return await listener.wait_async(0.01)

    bell = opened()
    assert not asyncio.run(wait())


def test_a_killed_process_does_no_harm(opened: Opened, database_url: str) -> None:
    ringer = opened()
    with (
        listening(opened(), "a topic") as listener,
        process(database_url, "listen", "a topic") as killed,
    ):
        assert says(killed) == "listening"
        killed.kill()
        killed.wait(LONG)
        ringer.ring("a topic")
        assert listener.wait(LONG)


def test_the_sockets_of_killed_processes_are_removed(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'test.db'}"
    ringer, other = bells.open_bell(url), bells.open_bell(url)
    with listening(other, "a topic") as listener:
        before = sockets_of(url)
        with process(url, "listen", "a topic") as killed:
            assert says(killed) == "listening"
            left = sockets_of(url) - before
            assert len(left) == 1
            killed.kill()
            killed.wait(LONG)
        ringer.ring("a topic")
        assert listener.wait(LONG)
        eventually(lambda: not left & sockets_of(url), LONG, "the removal of the socket")
    ringer.close()
    other.close()
    assert sockets_of(url) == set()


def test_a_stopped_process_holds_nobody_up_and_misses_nothing(
    opened: Opened, database_url: str
) -> None:
    """Its queue is full, for it is alive and does not read."""
    ringer = opened()
    with (
        listening(opened(), "the last") as listener,
        process(database_url, "listen", "the last") as stopped,
    ):
        assert says(stopped) == "listening"
        stopped.send_signal(signal.SIGSTOP)
        for number in range(500):
            ringer.ring(f"number {number}")
            ringer.ring("the last")
            assert listener.wait(LONG)
        stopped.send_signal(signal.SIGCONT)
        assert says(stopped) == "woken"


def test_a_folder_with_a_long_name(tmp_path: Path) -> None:
    """The address of a socket has 107 bytes at most."""
    folder = tmp_path / ("x" * 200)
    folder.mkdir()
    url = f"sqlite:///{folder / 'test.db'}"
    bell = bells.open_bell(url)
    with listening(bell, "a topic") as listener, process(url, "ring", "a topic") as ringer:
        let_ring(ringer)
        assert listener.wait(LONG)
    bell.close()


def test_a_removed_folder_is_made_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'test.db'}"
    first, second = bells.open_bell(url), bells.open_bell(url)
    with listening(first, "one") as one, listening(second, "two") as two:
        shutil.rmtree(tmp_path / "bell")
        # Who rings finds that its own socket is missing, and makes another one.
        first.ring("nothing")
        second.ring("nothing")
        assert one.wait(LONG)
        assert two.wait(LONG)
        first.ring("two")
        assert two.wait(LONG)
    first.close()
    second.close()


@pytest.mark.parametrize("broken", ["a file in place of the folder", "no server"])
def test_a_ring_never_fails(tmp_path: Path, broken: str) -> None:
    if broken == "no server":
        url = f"postgresql://nobody@127.0.0.1:{free_port()}/none"
    else:
        (tmp_path / "bell").touch()
        url = f"sqlite:///{tmp_path / 'test.db'}"
    bell = bells.open_bell(url)
    with bell.listen("a topic") as listener:
        for _ in range(3):
            bell.ring("a topic")
            assert listener.wait(0), "within the process nothing is broken"
    start = time.monotonic()
    bell.close()
    assert time.monotonic() - start < LONG
    bell.ring("a topic")


def test_a_server_that_does_not_answer_holds_nobody_up() -> None:
    """It takes the connection, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        bell = bells.open_bell(f"postgresql://nobody@127.0.0.1:{port}/none?connect_timeout=2")
        start = time.monotonic()
        with bell.listen("a topic") as listener:
            bell.ring("a topic")
            assert listener.wait(0)
        assert time.monotonic() - start < 1
        bell.close()


def test_listeners_wake_when_their_connection_was_cut(postgres_url: str) -> None:
    """What was rung meanwhile is unknown to them: they look once, and hear the next ring."""
    mine, other = bells.open_bell(postgres_url), bells.open_bell(postgres_url)
    with listening(mine, "a topic") as listener, listening(other, "nothing"):
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE application_name = 'dagstead bell' AND datname = current_database()"
            )
        assert listener.wait(LONG)
        other.ring("a topic")
        assert listener.wait(LONG)
    mine.close()
    other.close()


def test_nothing_is_lost_when_the_server_is_started_anew() -> None:
    cluster = PostgresCluster.create()
    try:
        with cluster.database() as url:
            mine, other = bells.open_bell(url), bells.open_bell(url)
            with listening(mine, "a topic") as listener, listening(other, "another") as second:
                cluster.stop()
                other.ring("a topic")
                cluster.resume()
                assert listener.wait(LONG)
                assert second.wait(LONG)
                # Both are connected again: what follows is no ring of everything.
                eventually(lambda: not (listener.wait(0) or second.wait(0)), LONG, "silence")
                other.ring("a topic")
                assert listener.wait(LONG)
            mine.close()
            other.close()
    finally:
        cluster.remove()


def test_topics_are_told_apart() -> None:
    names = {
        topics.answered("a"),
        topics.queue(None),
        topics.queue("None"),
        topics.queue(""),
        topics.releases("prod"),
        topics.locations("prod"),
        topics.written("prod", "a"),
    }
    assert len(names) == 7
