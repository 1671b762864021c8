"""The thread that carries rings between this process and the others."""

from __future__ import annotations

import logging
import os
import selectors
import threading
import time
from collections.abc import Callable, Collection
from contextlib import closing
from typing import Protocol

from dagstead.store.bell.marks import EVERYTHING

logger = logging.getLogger(__name__)

#: Pauses before a broken line is opened again, and before rings for a full receiver are sent again.
_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_REOPEN_SECONDS = 5.0
_LONGEST_RESEND_SECONDS = 1.0
#: A line that worked for this long was good: the next one is opened at once.
_SOUND_SECONDS = 10.0
#: How often a silent line is checked.
_CHECK_SECONDS = 30.0
#: More marks than this become a ring of everything.
_MOST_PENDING = 2000
#: How long the last rings of a process may take. They are lost if the database is away.
_CLOSE_SECONDS = 2.0


class Line(Protocol):
    """The connection of this process to the others. Every failure is an exception."""

    def fileno(self) -> int:
        """The descriptor that becomes readable when something is received."""

    def send(self, marks: Collection[str]) -> bool:
        """Send to all other processes, without waiting for them.

        Returns:
            False when a process could not take them yet. Call again in a moment, with or without
            marks.
        """

    def receive(self) -> frozenset[str]:
        """The marks received since the last call; does not wait."""

    def check(self) -> None:
        """Raise an exception if the line is broken."""

    def close(self) -> None:
        """Close the connection."""


class Courier:
    """Sends the rings of this process to the others, and rings here what they send.

    Its thread starts when it is first needed. Rings are kept while the line is broken. A new line
    rings everything here, since nobody knows what the others sent before it was open.
    """

    def __init__(
        self, open_line: Callable[[], Line], on_received: Callable[[Collection[str]], None]
    ) -> None:
        """Nothing is opened yet.

        Args:
            open_line: makes a new line, or raises an exception.
            on_received: called with the marks of every ring of another process.
        """
        self._open_line = open_line
        self._on_received = on_received
        self._lock = threading.Lock()
        self._pending: set[str] = set()
        self._thread: threading.Thread | None = None
        #: Wakes the thread; only while there is one.
        self._poke = -1
        self._closing = threading.Event()
        self._pause = _FIRST_PAUSE_SECONDS

    def start(self) -> None:
        """Begin to receive."""
        with self._lock:
            self._start()

    def send(self, marks: Collection[str]) -> None:
        """Send these marks soon; returns at once."""
        with self._lock:
            was_empty = not self._pending
            self._pending.update(marks)
            if len(self._pending) > _MOST_PENDING:
                self._pending = {EVERYTHING}
            self._start()
            if was_empty:
                self._wake()

    def close(self) -> None:
        """Send what is pending, if that is possible now, and end the thread."""
        with self._lock:
            self._closing.set()
            self._wake()
            thread = self._thread
        if thread is not None:
            thread.join(_CLOSE_SECONDS)

    def _start(self) -> None:
        if self._thread is None and not self._closing.is_set():
            self._poke = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
            thread = threading.Thread(target=self._run, name="bell", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                # No more threads, or the interpreter is ending.
                self._close_poke()
                raise
            self._thread = thread

    def _wake(self) -> None:
        if self._poke != -1:
            os.eventfd_write(self._poke, 1)

    def _close_poke(self) -> None:
        os.close(self._poke)
        self._poke = -1

    def _run(self) -> None:
        while self._pending or not self._closing.is_set():
            opened_at = time.monotonic()
            try:
                with closing(self._open_line()) as line:
                    self._on_received({EVERYTHING})
                    self._serve(line)
            except Exception as error:  # noqa: BLE001 - nobody must fail with it, only wait longer
                self._recover(error, lived=time.monotonic() - opened_at)
        with self._lock:
            self._close_poke()

    def _recover(self, error: Exception, *, lived: float) -> None:
        if self._closing.is_set():
            self._pending.clear()
            return
        if lived >= _SOUND_SECONDS:
            self._pause = _FIRST_PAUSE_SECONDS
        reason = " ".join(str(error).split())
        logger.log(
            logging.WARNING if self._pause == _FIRST_PAUSE_SECONDS else logging.DEBUG,
            "The bell cannot wake other processes until it is connected again: %s: %s",
            type(error).__name__,
            reason,
        )
        # Rings do not shorten this pause, or they would cause a storm of attempts.
        self._closing.wait(self._pause)
        self._pause = min(self._pause * 2, _LONGEST_REOPEN_SECONDS)

    def _serve(self, line: Line) -> None:
        resend = _FIRST_PAUSE_SECONDS
        with selectors.DefaultSelector() as selector:
            selector.register(line, selectors.EVENT_READ)
            selector.register(self._poke, selectors.EVENT_READ)
            while True:
                is_all_sent = self._send_pending(line)
                if self._closing.is_set():
                    return
                self._on_received(line.receive())
                if selector.select(_CHECK_SECONDS if is_all_sent else resend):
                    self._unpoke()
                elif is_all_sent:
                    line.check()
                resend = (
                    _FIRST_PAUSE_SECONDS
                    if is_all_sent
                    else min(resend * 2, _LONGEST_RESEND_SECONDS)
                )

    def _send_pending(self, line: Line) -> bool:
        with self._lock:
            marks, self._pending = self._pending, set()
        try:
            return line.send(marks)
        except Exception:
            with self._lock:
                self._pending |= marks
            raise

    def _unpoke(self) -> None:
        try:
            os.eventfd_read(self._poke)
        except BlockingIOError:
            return
