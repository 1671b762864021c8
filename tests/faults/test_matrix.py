"""Whatever fails: every run ends once, by its true reason, and new runs work soon after."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.faults.bench import Cell, play
from tests.support.faults.cells import CELLS
from tests.support.faults.places import MakePlace, Place
from tests.support.faults.table import PROPERTY, row_of
from tests.support.faults.verdicts import Round

pytestmark = pytest.mark.compat

ROUNDS = int(os.environ.get("FAULT_ROUNDS", "1"))


@dataclass
class Places:
    """The place of the present cell; the next cell has the same one if it is still well."""

    new_folder: Callable[[], Path]
    make: MakePlace | None = None
    place: Place | None = None
    stack: ExitStack = field(default_factory=ExitStack)

    def get(self, make: MakePlace) -> Place:
        if self.place is None or make is not self.make:
            self.close()
            self.place = self.stack.enter_context(make(self.new_folder()))
            self.make = make
        return self.place

    def close(self) -> None:
        """End it."""
        self.stack.close()
        self.place = None


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    found = Places(lambda: tmp_path_factory.mktemp("place"))
    yield found
    found.close()


def marked(cell: Cell[object]) -> pytest.ParameterSet:
    return pytest.param(cell, id=cell.name, marks=[] if cell.everyday else [pytest.mark.faults])


@pytest.mark.parametrize("cell", [marked(cell) for cell in CELLS])
def test_every_run_ends_once_with_its_true_reason(
    cell: Cell[object], places: Places, record_property: Callable[[str, object], None]
) -> None:
    rounds: list[Round] = []
    try:
        for _ in range(ROUNDS):
            rounds.append(play(cell, places.get(cell.place)))
            if not is_well(rounds[-1]):
                places.close()
    except BaseException:
        places.close()
        raise
    record_property(PROPERTY, row_of(cell.name, rounds).to_json())
    assert [line for each in rounds for line in complaints(each)] == []


def complaints(played: Round) -> list[str]:
    wrong = [
        f"{verdict.trace.location} {verdict.trace.run_id}: {words}"
        for verdict in played.verdicts
        for words in verdict.wrong
    ]
    refused = [f"{location} refused: {words}" for location, words in played.refused.items()]
    return [*wrong, *refused]


def is_well(played: Round) -> bool:
    """Whether the place can serve another round."""
    return played.healed_seconds is not None and not any(each.hung for each in played.verdicts)
