"""Names of locations and queues."""

from __future__ import annotations

import pytest

from dagstead.errors import InvalidInputError
from dagstead.plane.names import check_location_name, check_queue_name


@pytest.mark.parametrize("name", ["R2AE Project", "1_etl", "a-b", "Ünïcode"])
def test_location_names_of_real_repositories_are_taken(name: str) -> None:
    assert check_location_name(name) == name


@pytest.mark.parametrize("name", ["", "  ", None, 7, "a\nb", "x" * 300])
def test_location_names_that_nobody_can_use_are_refused(name: object) -> None:
    with pytest.raises(InvalidInputError):
        check_location_name(name)


def test_an_empty_queue_name_is_refused_and_no_queue_is_the_default() -> None:
    assert check_queue_name(None) is None
    assert check_queue_name("gpu") == "gpu"
    for bad in ("", " ", 3, ["gpu"]):
        with pytest.raises(InvalidInputError, match="agent_queue"):
            check_queue_name(bad)
