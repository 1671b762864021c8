"""Keeps one child process running: started, started again when it dies, stopped for good."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from dagstead.server.beats import BEATS_VARIABLE, Beats
from dagstead.server.shutdown import LIFELINE_VARIABLE

logger = logging.getLogger(__name__)

_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 30.0
#: A child that lived this long has recovered: its next death counts as the first.
_RECOVERED_SECONDS = 60.0
_LOOK_SECONDS = 1.0


@dataclass(slots=True, kw_only=True)
class Keeper:
    """One child. All methods belong to one event loop."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    #: How long the child may take to stop before it is killed.
    stop_seconds: float
    #: How long a child that sends beats may be silent until it counts as frozen and is killed;
    #: ``None`` asks for no beats.
    silent_seconds: float | None = None
    #: How the child ended the last time: an exit code, or minus a signal's number.
    last_exit: int | None = field(default=None, init=False)
    _process: asyncio.subprocess.Process | None = field(default=None, init=False)
    _task: asyncio.Task[None] | None = field(default=None, init=False)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    def start(self) -> None:
        """Begin to keep the child running."""
        self._task = asyncio.get_running_loop().create_task(self._keep(), name=self.name)

    async def stop(self) -> None:
        """Stop the child: politely, then by force; nothing of its process group is left."""
        self._stopping.set()
        if self._task is not None:
            await self._task

    def kill(self) -> None:
        """Kill the child's process group, now."""
        if self._process is not None:
            # Also when the child itself has ended: what it had started may still be there.
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def _keep(self) -> None:
        deaths = 0
        while not self._stopping.is_set():
            began = asyncio.get_running_loop().time()
            beats = None if self.silent_seconds is None else Beats()
            self._process = await self._spawn(beats)
            logger.info("Started %s, process %d", self.name, self._process.pid)
            await self._until_ended(self._process, beats)
            self.kill()
            if beats is not None:
                beats.close()
            self.last_exit = self._process.returncode
            self._process = None
            if self._stopping.is_set():
                return
            lived = asyncio.get_running_loop().time() - began
            deaths = 1 if lived > _RECOVERED_SECONDS else deaths + 1
            await self._pause(deaths)

    async def _until_ended(self, process: asyncio.subprocess.Process, beats: Beats | None) -> None:
        """Wait until the child has ended; once it should stop or is frozen, make it."""
        ended = asyncio.ensure_future(process.wait())
        asked = asyncio.ensure_future(self._stopping.wait())
        while not (ended.done() or asked.done()):
            self._kill_if_frozen(beats)
            await asyncio.wait(
                {ended, asked}, timeout=_LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
        asked.cancel()
        if not ended.done():
            with suppress(ProcessLookupError):
                process.terminate()
            await asyncio.wait({ended}, timeout=self.stop_seconds)
        if not ended.done():
            logger.warning("%s has not stopped in %.0f s: killing it", self.name, self.stop_seconds)
            self.kill()
            await ended

    def _kill_if_frozen(self, beats: Beats | None) -> None:
        if beats is None or self.silent_seconds is None:
            return
        silent = beats.silent_seconds()
        if silent > self.silent_seconds:
            logger.error("%s has been frozen for %.0f s: killing it", self.name, silent)
            self.kill()

    async def _pause(self, deaths: int) -> None:
        seconds = min(_FIRST_PAUSE_SECONDS * 2 ** (deaths - 1), _LONGEST_PAUSE_SECONDS)
        logger.error(
            "%s %s: starting it again in %.1f s", self.name, _ending(self.last_exit), seconds
        )
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    async def _spawn(self, beats: Beats | None) -> asyncio.subprocess.Process:
        given = {} if beats is None else {BEATS_VARIABLE: str(beats.write)}
        process = await asyncio.create_subprocess_exec(
            *self.arguments,
            # Held open and never written to: it ends when this process does.
            stdin=asyncio.subprocess.PIPE,
            env={**self.environment, LIFELINE_VARIABLE: "1", **given},
            pass_fds=() if beats is None else (beats.write,),
            # A group of its own: Ctrl+C in a terminal reaches only the supervisor, which stops
            # its children in order.
            start_new_session=True,
        )
        if beats is not None:
            beats.handed_over()
        return process


def _ending(code: int | None) -> str:
    if code is None or code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"
