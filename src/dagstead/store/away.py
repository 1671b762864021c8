"""Which failures mean that the store is away, in our statements, in Dagster's and in files.

Beside those, which mean that a text of the caller does not fit into the database.

The store is away when the failure may pass without a change to a program: the connection is lost or
refused, the database is locked, read-only or starting, the disk is full. Sending the same again may
help, and every surface asks its clients to do so. A statement that the database has rejected is not
such a failure.
"""

from __future__ import annotations

import errno
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from functools import singledispatch

from obstore.exceptions import BaseError as BlobError
from sqlalchemy.exc import (
    DBAPIError,
    PendingRollbackError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from dagstead.errors import InvalidInputError, StoreAwayError


class _Fault(Enum):
    """What is wrong, in the words of the error message."""

    UNREACHABLE = "The control plane's database does not answer."
    CROWDED = "The control plane's database takes no more connections."
    LOCKED = "The control plane's database is locked by another process."
    READ_ONLY = "The control plane's database is read-only for now."
    FULL = "The control plane's disk is full."
    BROKEN_DISK = "The control plane's disk does not answer."


_NEXT_STEP = (
    "Try again in a moment. If this goes on, look at /health and at the server's log, "
    "which has the cause."
)

_BY_SQLITE_CODE = {
    sqlite3.SQLITE_BUSY: _Fault.LOCKED,
    sqlite3.SQLITE_LOCKED: _Fault.LOCKED,
    sqlite3.SQLITE_PROTOCOL: _Fault.LOCKED,
    sqlite3.SQLITE_READONLY: _Fault.READ_ONLY,
    sqlite3.SQLITE_FULL: _Fault.FULL,
    sqlite3.SQLITE_IOERR: _Fault.BROKEN_DISK,
    sqlite3.SQLITE_CANTOPEN: _Fault.UNREACHABLE,
}
#: The lower bits are the kind of the error; those above have details.
_SQLITE_KIND = 0xFF

#: The longest prefix that fits counts. https://www.postgresql.org/docs/current/errcodes-appendix.html
_BY_SQLSTATE = {
    "08": _Fault.UNREACHABLE,
    # A login is refused: a restart or a restore may have changed a user, a password or a database.
    "28": _Fault.UNREACHABLE,
    "3D": _Fault.UNREACHABLE,
    "57P": _Fault.UNREACHABLE,
    "57014": _Fault.UNREACHABLE,
    "53": _Fault.CROWDED,
    "53100": _Fault.FULL,
    "58": _Fault.BROKEN_DISK,
    "25006": _Fault.READ_ONLY,
    # This process was held up in the middle of a transaction, and the server has ended it.
    "25P03": _Fault.UNREACHABLE,
    "40001": _Fault.LOCKED,
    "40P01": _Fault.LOCKED,
    "55P03": _Fault.LOCKED,
}
_SQLSTATE_LENGTHS = (5, 3, 2)
_TOO_LONG = "22001"

_BY_ERRNO = {
    errno.ENOSPC: _Fault.FULL,
    errno.EDQUOT: _Fault.FULL,
    errno.EROFS: _Fault.READ_ONLY,
    errno.EIO: _Fault.BROKEN_DISK,
    errno.ESTALE: _Fault.BROKEN_DISK,
}
_BLOB_ERRNO = re.compile(r"\(os error (\d+)\)")


@contextmanager
def translated() -> Iterator[None]:
    """Raise failures of the database as :class:`StoreAwayError` if they mean that it is away."""
    try:
        yield
    except SQLAlchemyError as error:
        raise_if_away(error)
        raise


def raise_if_away(error: BaseException) -> None:
    """Raise an error that means that the store is away in its own form; ignore all others.

    Raises:
        StoreAwayError: when ``error`` means that the store is away.
        InvalidInputError: when it means that a text is too long for its column: SQLite would have
            taken it, so that nobody has looked before.
    """
    away = away_of(error)
    if away is not None:
        raise away
    if any(_sqlstate(link) == _TOO_LONG for link in _chain(error)):
        msg = (
            "A name or an id in this request is longer than the database can hold: most may have "
            "255 characters, names of assets and pools 512."
        )
        raise InvalidInputError(msg) from error


def away_of(error: BaseException) -> StoreAwayError | None:
    """The error to raise instead, if this one or one of its causes means the store is away."""
    for link in _chain(error):
        if isinstance(link, StoreAwayError):
            return link
        fault = _fault(link)
        if fault is not None:
            away = StoreAwayError(
                f"{fault.value} {_NEXT_STEP}", reason=_reason(link), fault=fault.value
            )
            away.__cause__ = error
            return away
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and all its causes: Dagster wraps the errors of its storage."""
    seen: set[int] = set()
    pending: list[BaseException | None] = [error]
    while pending:
        link = pending.pop(0)
        if link is None or id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        if isinstance(link, DBAPIError):
            pending.append(link.orig)
        if isinstance(link, BaseExceptionGroup):
            pending.extend(link.exceptions)
        pending.append(link.__cause__)
        if not link.__suppress_context__:
            pending.append(link.__context__)


@singledispatch
def _fault(error: BaseException) -> _Fault | None:
    """The fault of a single error. Errors of Postgres' drivers are known by their codes."""
    if not (hasattr(error, "sqlstate") or hasattr(error, "pgcode")):
        return None
    state = _sqlstate(error)
    if state is None:
        return _Fault.UNREACHABLE if _is_without_server(error) else None
    found = (_BY_SQLSTATE.get(state[:length]) for length in _SQLSTATE_LENGTHS)
    return next((fault for fault in found if fault is not None), None)


@_fault.register
def _(error: DBAPIError) -> _Fault | None:
    # Otherwise the driver's own error decides, which is next in the chain.
    is_cut_off = error.connection_invalidated and _sqlstate(error.orig) is None
    return _Fault.UNREACHABLE if is_cut_off else None


@_fault.register
def _(_error: PendingRollbackError) -> _Fault:
    return _Fault.UNREACHABLE


@_fault.register
def _(_error: PoolTimeoutError) -> _Fault:
    return _Fault.CROWDED


@_fault.register
def _(error: sqlite3.Error) -> _Fault | None:
    return _BY_SQLITE_CODE.get(getattr(error, "sqlite_errorcode", 0) & _SQLITE_KIND)


@_fault.register
def _(error: OSError) -> _Fault | None:
    return None if error.errno is None else _BY_ERRNO.get(error.errno)


@_fault.register
def _(error: BlobError) -> _Fault | None:
    number = _BLOB_ERRNO.search(str(error))
    return None if number is None else _BY_ERRNO.get(int(number[1]))


def _is_without_server(error: BaseException) -> bool:
    """Whether a driver's error without a code is about the connection, not about a wrong call."""
    names = {base.__name__ for base in type(error).__mro__}
    return "OperationalError" in names or ("InterfaceError" in names and "connection" in str(error))


def _sqlstate(error: object) -> str | None:
    state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    return None if state is None else str(state)


def _reason(error: BaseException) -> str:
    """One line for the log, without the SQL statement and its values."""
    driver = error.orig if isinstance(error, DBAPIError) and error.orig else error
    return f"{type(driver).__name__}: {' '.join(str(driver).split())}"
