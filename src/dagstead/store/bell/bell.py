"""The bell of this process, connected with the bells of all processes on the same database."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from dagstead.store.bell.courier import Courier, Line
from dagstead.store.bell.listeners import Listeners, ProcessListener
from dagstead.store.bell.marks import mark_of
from dagstead.store.bell.postgres import PostgresLine
from dagstead.store.bell.sockets import SocketLine
from dagstead.store.database import parse_database_url, sqlite_file

logger = logging.getLogger(__name__)

#: Beside the SQLite file.
_FOLDER = "bell"


class ProcessBell:
    """Rings in this process at once, and in the others as soon as they can be reached.

    It opens its connection or socket, and starts its thread, at the first use.
    """

    def __init__(self, open_line: Callable[[], Line]) -> None:
        """Nothing is opened yet.

        Args:
            open_line: makes the line to other processes.
        """
        self._listeners = Listeners()
        self._courier = Courier(open_line, self._listeners.ring)

    def ring(self, *topics: str) -> None:
        """Wake all who listen to one of these topics. Takes no time and never fails."""
        marks = frozenset(map(mark_of, topics))
        self._listeners.ring(marks)
        try:
            self._courier.send(marks)
        except (OSError, RuntimeError) as error:
            # No descriptor or thread is left. Those who wait in other processes look by themselves.
            logger.warning("Other processes were not woken: %s", error)

    @contextmanager
    def listen(self, *topics: str) -> Iterator[ProcessListener]:
        """A listener for these topics, whichever process rings them."""
        with self._listeners.listen(frozenset(map(mark_of, topics))) as listener:
            try:
                self._courier.start()
            except (OSError, RuntimeError) as error:
                logger.warning("Other processes cannot wake this one: %s", error)
            yield listener

    def close(self) -> None:
        """Send the last rings, and disconnect."""
        self._courier.close()


def open_bell(database_url: str) -> ProcessBell:
    """A bell for all processes that use a database."""
    file = sqlite_file(database_url)
    if file is None:
        return ProcessBell(partial(PostgresLine, parse_database_url(database_url)))
    return ProcessBell(partial(SocketLine, file.parent / _FOLDER))
