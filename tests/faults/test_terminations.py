"""Runs that are terminated at any moment end soon, and never work after their end."""

from __future__ import annotations

from random import Random

import pytest

from tests.support.faults.bench import ROUNDS
from tests.support.faults.places import MakePlace, Places, apart_on_postgres, up_on_sqlite
from tests.support.faults.terminations import terminate_at_random_moments

pytestmark = [pytest.mark.compat, pytest.mark.faults]

#: With five runs each: a round of both places has forty, and five rounds have two hundred.
_BURSTS = 4


@pytest.mark.parametrize("make", [up_on_sqlite, apart_on_postgres], ids=lambda make: make.__name__)
def test_no_run_works_after_it_was_terminated(make: MakePlace, places: Places) -> None:
    chance = Random(make.__name__)
    complaints: list[str] = []
    for _ in range(_BURSTS * ROUNDS):
        with places.one(make) as place:
            complaints += terminate_at_random_moments(place, chance)
    if complaints:
        pytest.fail("\n".join(complaints), pytrace=False)
