"""Children are real processes: started again when they die, gone when they are stopped."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil
import pytest

from dagstead.server import keeper as keeper_module
from dagstead.server.keeper import Keeper
from dagstead.testing import eventually

#: Tells its process id, starts a child in its group, and waits.
SLEEPER = """
import pathlib, subprocess, sys
folder = pathlib.Path(sys.argv[1])
child = subprocess.Popen(["sleep", "600"])
count = len(list(folder.iterdir()))
(folder / f".{count}").write_text(f"{__import__('os').getpid()} {child.pid}")
(folder / f".{count}").rename(folder / str(count))
"""
STAYS = "child.wait()\n"
STUBBORN = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SLEEPER + STAYS


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper_module, "_FIRST_PAUSE_SECONDS", 0.1)


def keep(script: str, folder: Path, stop_seconds: float = 10) -> Keeper:
    return Keeper(
        name="sleeper",
        arguments=[sys.executable, "-c", script, str(folder)],
        environment=dict(os.environ),
        stop_seconds=stop_seconds,
    )


async def started(folder: Path, number: int) -> list[int]:
    """Process ids of the number-th start, once it has come."""
    await until((folder / str(number)).exists, f"start {number}")
    return [int(pid) for pid in (folder / str(number)).read_text().split()]


async def gone(pids: list[int]) -> None:
    await until(lambda: not any(alive(pid) for pid in pids), "the processes' end")


async def until(state: Callable[[], bool], what: str) -> None:
    await asyncio.to_thread(eventually, state, 30, what)


def alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def run(scene: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await scene()

    asyncio.run(whole())


def test_a_killed_child_is_started_again_and_nothing_of_it_is_left(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene() -> None:
        keeper = keep(SLEEPER + STAYS, tmp_path)
        keeper.start()
        first = await started(tmp_path, 0)
        os.kill(first[0], signal.SIGKILL)
        second = await started(tmp_path, 1)
        await gone(first)
        assert keeper.last_exit == -signal.SIGKILL
        await keeper.stop()
        await gone(second)

    run(scene)
    assert "sleeper was killed by SIGKILL: starting it again in 0.1 s" in caplog.text


def test_pauses_grow_with_each_death(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        keeper = keep(SLEEPER + "sys.exit(3)\n", tmp_path)
        keeper.start()
        await started(tmp_path, 2)
        await keeper.stop()

    run(scene)
    assert "ended with exit code 3: starting it again in 0.1 s" in caplog.text
    assert "ended with exit code 3: starting it again in 0.2 s" in caplog.text


def test_a_child_that_will_not_stop_is_killed_with_its_group(tmp_path: Path) -> None:
    async def scene() -> None:
        keeper = keep(STUBBORN, tmp_path, stop_seconds=0.2)
        keeper.start()
        pids = await started(tmp_path, 0)
        await keeper.stop()
        await gone(pids)

    run(scene)


def test_what_a_polite_child_leaves_behind_is_killed(tmp_path: Path) -> None:
    async def scene() -> None:
        keeper = keep(SLEEPER + STAYS, tmp_path)
        keeper.start()
        pids = await started(tmp_path, 0)
        await keeper.stop()
        await gone(pids)
        assert keeper.last_exit == -signal.SIGTERM

    run(scene)


def test_a_keeper_that_pauses_can_be_stopped_at_once(tmp_path: Path) -> None:
    async def scene() -> None:
        keeper = keep("raise SystemExit(3)", tmp_path)
        keeper.start()
        await until(lambda: keeper.last_exit is not None, "the child's end")
        async with asyncio.timeout(5):
            await keeper.stop()

    run(scene)


#: Beats as our processes do.
BEATS = "from dagstead.server.beats import send_beats\nsend_beats()\n" + SLEEPER + STAYS


def test_a_frozen_child_is_killed_and_started_again(tmp_path: Path) -> None:
    async def scene() -> None:
        keeper = Keeper(
            name="sleeper",
            arguments=[sys.executable, "-c", BEATS, str(tmp_path)],
            environment=dict(os.environ),
            stop_seconds=10,
            silent_seconds=3,
        )
        keeper.start()
        first = await started(tmp_path, 0)
        os.kill(first[0], signal.SIGSTOP)
        second = await started(tmp_path, 1)
        await gone(first)
        assert keeper.last_exit == -signal.SIGKILL
        await keeper.stop()
        await gone(second)

    run(scene)
