"""One cell of a matrix, as a test."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.faults.bench import Cell, play
from tests.support.faults.places import Places
from tests.support.faults.table import PROPERTY, row_of
from tests.support.faults.verdicts import Round


def hold(
    cell: Cell[object], places: Places, record_property: Callable[[str, object], None]
) -> None:
    """Play all rounds of a cell; what must not be fails the test, in words."""
    rounds: list[Round] = []
    for times in cell.rounds:
        with places.one(cell.place) as place:
            rounds.append(play(cell, place, times))
        if not rounds[-1].is_over:
            places.close()
    record_property(PROPERTY, row_of(cell.name, rounds).to_json())
    complaints = [line for each in rounds for line in each.complaints()]
    if complaints:
        pytest.fail("\n".join(complaints), pytrace=False)
