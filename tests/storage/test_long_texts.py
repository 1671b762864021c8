"""A text that nobody has bounded, and that its column does not hold."""

from __future__ import annotations

import pytest

from dagstead.errors import InvalidInputError
from dagstead.plane.writes import WriteState
from dagstead.store.all import Store

pytestmark = pytest.mark.storage


def test_a_text_that_is_too_long_is_the_callers_mistake(store: Store) -> None:
    store.deployments.create("prod")
    key = "k" * 1000
    if store.database.is_sqlite:
        assert store.writes.begin("prod", key) is WriteState.NEW
    else:
        with pytest.raises(InvalidInputError, match="longer than the database can hold"):
            store.writes.begin("prod", key)
    # Others' writes go on.
    assert store.writes.begin("prod", "k") is WriteState.NEW
