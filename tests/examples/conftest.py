from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """A Dagster instance of its own, whose assets lie in this test's folder."""
    with dg.instance_for_test(temp_dir=str(tmp_path)) as instance:
        yield instance
