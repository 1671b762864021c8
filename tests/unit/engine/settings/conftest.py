"""A stage for every test."""

from __future__ import annotations

import pytest

from dagstead.control import bell
from dagstead.engine.daemons import Daemons
from dagstead.engine.instances import Instances
from dagstead.testing.clock import ManualClock
from tests.unit.engine.settings.stage import Stage


@pytest.fixture
def stage(instances: Instances, clock: ManualClock) -> Stage:
    return Stage(instances, clock, Daemons(instances, "http://127.0.0.1:1"))


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing rings where a test moves the clock."""
    monkeypatch.setattr(bell, "LOOK_SECONDS", 0.05)
