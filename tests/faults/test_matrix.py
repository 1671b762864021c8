"""Whatever fails: every run ends once, by its true reason, and new runs work soon after."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.faults.bench import Cell, play
from tests.support.faults.cells import CELLS
from tests.support.faults.places import Places
from tests.support.faults.table import PROPERTY, row_of
from tests.support.faults.verdicts import Round

pytestmark = pytest.mark.compat


def marked(cell: Cell[object]) -> pytest.ParameterSet:
    mark = pytest.mark.thorough if cell.everyday else pytest.mark.faults
    return pytest.param(cell, id=cell.name, marks=mark)


@pytest.mark.parametrize("cell", [marked(cell) for cell in CELLS])
def test_every_run_ends_once_with_its_true_reason(
    cell: Cell[object], places: Places, record_property: Callable[[str, object], None]
) -> None:
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
