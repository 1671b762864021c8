"""How often pages ask the database: not more for more locations and runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, event

from dagstead.plane.releases import NewRelease
from dagstead.plane.requests import NewRequest
from tests.support.console_scene import location_of
from tests.unit.console.conftest import Console

_MOST = 60


@contextmanager
def counted() -> Iterator[list[str]]:
    """The statements of the block."""
    found: list[str] = []

    def note(*given: object) -> None:
        found.append(str(given[2]))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", note)


@pytest.mark.parametrize(
    "address",
    [
        *("/-/", "/-/locations", "/-/queues", "/-/agents", "/-/releases", "/-/routes", "/-/runs"),
        "/-/requests",
    ],
)
def test_more_locations_and_runs_take_no_more_statements(fresh: Console, address: str) -> None:
    fresh.store.launches.submit("prod", "the first", "weather")
    fresh.get(address)
    with counted() as before:
        fresh.get(address)
    _grow(fresh)
    fresh.get(address)
    with counted() as after:
        assert fresh.get(address).status_code == 200
    assert len(after) <= len(before) + 2
    assert len(after) <= _MOST


def _grow(console: Console) -> None:
    names = [f"location_{number:02}" for number in range(40)]
    begun, _ = console.store.releases.begin(
        "prod", NewRelease(locations=[location_of(name, "0123456789ab") for name in names])
    )
    for part in begun.parts:
        console.store.releases.set_loaded(
            "prod", part.name, deploy_id=part.deploy_id, manifest="{}"
        )
    for number in range(50):
        name = names[number % len(names)]
        console.store.launches.submit("prod", f"run-{number}", name)
        console.store.requests.submit(
            NewRequest(
                id=f"request-{number}",
                api="PING_LOCATION",
                deployment="prod",
                queue=f"queue-{number % 5}",
                location=name,
                run_id=None,
                body="",
                expires_at=console.store.clock() + 600,
            )
        )
