"""Rows that are read with every call, remembered until the database changes."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Hashable
from contextlib import closing
from typing import Any, TypeVar

from sqlalchemy import Engine
from sqlalchemy.pool import PoolProxiedConnection

Found = TypeVar("Found")

#: More than the callers of a second; they are all forgotten at once.
_MOST = 10_000


class UnchangedRows:
    """Remembers what was read from a SQLite file. Safe to use from several threads.

    SQLite tells each connection, without reading the file, whether any other one has changed it,
    in this process or another (``PRAGMA data_version``). Here one connection only asks for that.
    """

    def __init__(self, engine: Engine) -> None:
        """Nothing is connected yet."""
        self._engine = engine
        self._lock = threading.Lock()
        self._asking: PoolProxiedConnection | None = None
        self._version: object = None
        self._found: dict[Hashable, Any] = {}

    def find(self, what: Hashable, read: Callable[[], Found]) -> Found:
        """What ``read`` returns, or has returned since the last change.

        Args:
            what: is read: the same again is not read a second time.
            read: reads it, with a connection of its own.
        """
        with self._lock:
            try:
                version = self._newest_version()
            except sqlite3.OperationalError:
                # Reading itself waits until others let it, or says what is wrong.
                return read()
            if version != self._version or len(self._found) > _MOST:
                self._version, self._found = version, {}
            if what in self._found:
                found: Found = self._found[what]
                return found
        found = read()
        with self._lock:
            # It may be newer than that: whoever asks next sees that there was a change.
            if self._version == version:
                self._found[what] = found
        return found

    def known(self, what: Hashable) -> Any | None:
        """What was read since the last change, if that is known without waiting for anybody."""
        if not self._lock.acquire(blocking=False):
            return None
        try:
            is_known = what in self._found and self._newest_version() == self._version
        except sqlite3.OperationalError:
            return None
        else:
            return self._found[what] if is_known else None
        finally:
            self._lock.release()

    def close(self) -> None:
        """Let go of the connection."""
        with self._lock:
            self._found = {}
            if self._asking is not None:
                self._asking.close()
                self._asking = None

    def _newest_version(self) -> object:
        if self._asking is None:
            # Not of the pool: it counts what the others change.
            self._asking = self._engine.raw_connection()
            self._asking.detach()
            with closing(self._asking.cursor()) as cursor:
                cursor.execute("PRAGMA busy_timeout=0")
        cursor = self._asking.cursor()
        try:
            cursor.execute("PRAGMA data_version")
            return cursor.fetchone()
        finally:
            cursor.close()
