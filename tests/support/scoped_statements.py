"""Statements on what belongs to deployments: each says of which one, or its method says of all."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from sqlalchemy import Delete, Engine, Select, Table, Update, event
from sqlalchemy.sql import visitors
from sqlalchemy.sql.schema import Column

from dagstead.plane.organization import Organization
from dagstead.store.tables import metadata

_TABLES = {table.name: table for table in metadata.sorted_tables if "deployment" in table.c}

#: Columns that say of which deployment a row is. The slot of a secret is made of its deployment.
_NAMING = {"deployment", "is_branch", "slot"}


class UnscopedStatementError(AssertionError):
    """A statement works on every deployment, and nobody has said so."""


@contextmanager
def watched_statements() -> Iterator[None]:
    """Fail in statements that name no deployment, until the end of the block."""
    event.listen(Engine, "before_execute", _check)
    try:
        yield
    finally:
        event.remove(Engine, "before_execute", _check)


def _check(_connection: Any, statement: Any, _many: Any, _values: Any, _options: Any) -> None:
    if not isinstance(statement, (Select, Update, Delete)):
        return
    tables, columns = _named_in(statement)
    for table in tables:
        if table not in columns and not _is_of_all(sys._getframe(1)):
            raise UnscopedStatementError(str(statement))


def _named_in(statement: Any) -> tuple[set[str], set[str]]:
    """The tables with deployments that it uses, and those whose deployment its conditions name."""
    tables: set[str] = set()
    columns: set[str] = set()
    for element in visitors.iterate(statement):
        if isinstance(element, Table) and _TABLES.get(element.name) is element:
            tables.add(element.name)
    for condition in _conditions(statement):
        for element in visitors.iterate(condition):
            if isinstance(element, Column) and element.name in _NAMING:
                columns.add(element.table.name)
    return tables, columns


def _conditions(statement: Any) -> Iterator[Any]:
    for element in visitors.iterate(statement):
        where = getattr(element, "whereclause", None)
        if where is not None:
            yield where


def _is_of_all(frame: FrameType | None) -> bool:
    """Whether a method of a store on the way here has said that it works on all deployments.

    What tests ask the database themselves is of no store.
    """
    is_of_a_store = False
    while frame is not None:
        if "/dagstead/store/" in frame.f_code.co_filename:
            is_of_a_store = True
            if isinstance(frame.f_locals.get("_of"), Organization):
                return True
        frame = frame.f_back
    return not is_of_a_store
