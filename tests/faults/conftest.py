"""The places of the bench, of which one runs at a time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.faults.places import Places


@pytest.fixture(scope="session")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    """They are started when a test asks, and shared by tests that come one after another."""
    found = Places(lambda: tmp_path_factory.mktemp("place"))
    yield found
    found.close()
