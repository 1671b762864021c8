"""Whatever fails where code runs in containers: every run ends once, by its true reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

import pytest

from tests.support.containers.docker import Docker
from tests.support.faults.bench import Cell
from tests.support.faults.containers import CONTAINER_CELLS, up_in_containers
from tests.support.faults.matrix import hold
from tests.support.faults.places import Places
from tests.support.faults.terminations import terminate_at_random_moments

pytestmark = [pytest.mark.containers, pytest.mark.thorough]


@pytest.fixture(scope="module")
def places(docker: Docker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:  # noqa: ARG001 - it runs
    """One place, which all tests share."""
    found = Places(lambda: tmp_path_factory.mktemp("place"))
    yield found
    found.close()


@pytest.mark.parametrize("cell", CONTAINER_CELLS, ids=lambda cell: cell.name)
def test_every_run_ends_once_with_its_true_reason(
    cell: Cell[object], places: Places, record_property: Callable[[str, object], None]
) -> None:
    hold(cell, places, record_property)


def test_no_run_works_after_it_was_terminated(places: Places) -> None:
    chance = Random("containers")
    with places.one(up_in_containers) as place:
        complaints = [
            words for _ in range(2) for words in terminate_at_random_moments(place, chance)
        ]
    if complaints:
        pytest.fail("\n".join(complaints), pytrace=False)
