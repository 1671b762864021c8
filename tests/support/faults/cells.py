"""The matrix: a new cell is a line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from tests.support.faults import faults, targets
from tests.support.faults.bench import Cell, running, starting
from tests.support.faults.places import (
    apart_on_postgres,
    up_on_sqlite,
)

T = TypeVar("T")

BOTH_PLACES = (up_on_sqlite, apart_on_postgres)
BOTH_MOMENTS = (starting, running)

CELLS: Sequence[Cell[Any]] = (
    Cell(
        place=up_on_sqlite,
        moment=running,
        fault=faults.kill,
        target=targets.web,
        everyday=True,
    ),
)
