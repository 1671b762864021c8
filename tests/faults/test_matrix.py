"""Whatever fails: every run ends once, by its true reason, and new runs work soon after."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.faults.bench import Cell
from tests.support.faults.cells import CELLS
from tests.support.faults.matrix import hold
from tests.support.faults.places import Places

pytestmark = pytest.mark.compat


def marked(cell: Cell[object]) -> pytest.ParameterSet:
    mark = pytest.mark.thorough if cell.everyday else pytest.mark.faults
    return pytest.param(cell, id=cell.name, marks=mark)


@pytest.mark.parametrize("cell", [marked(cell) for cell in CELLS])
def test_every_run_ends_once_with_its_true_reason(
    cell: Cell[object], places: Places, record_property: Callable[[str, object], None]
) -> None:
    hold(cell, places, record_property)
