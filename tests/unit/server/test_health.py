"""What `/health` knows, and what it keeps to itself."""

from __future__ import annotations

import httpx
import pytest

from dagstead.errors import StoreAwayError
from dagstead.plane.leases import Fence
from dagstead.store.leadership import Leadership
from tests.unit.server.conftest import Plane


def test_a_server_without_a_leader_is_not_well_as_a_whole(client: httpx.Client) -> None:
    part = client.get("/health")
    whole = client.get("/health/all")
    # Who keeps web servers running starts them again when this fails, which would not help.
    assert part.status_code == 200
    assert whole.status_code == 503
    assert whole.json()["unwell"] == ["leader"]
    assert (part.json()["status"], part.json()["unwell"]) == ("degraded", ["leader"])
    assert part.json()["leader"] == {"ok": False, "epoch": 0}


def test_a_database_that_takes_no_change_is_not_well(plane: Plane, client: httpx.Client) -> None:
    with plane.store.database.read() as connection:
        connection.exec_driver_sql("PRAGMA query_only=ON")
    with pytest.raises(StoreAwayError):
        plane.store.deployments.create("new")
    assert client.get("/health").json()["database"] == {"ok": False}
    plane.store.database.close()
    plane.store.deployments.create("new")
    assert client.get("/health").json()["database"] == {"ok": True}


def test_with_a_leader_all_is_well(plane: Plane, client: httpx.Client) -> None:
    leadership = Leadership(plane.store.database, plane.store.clock, plane.settings.data / "lock")
    assert leadership.campaign() == Fence(1)
    answer = client.get("/health/all")
    body = answer.json()
    assert (answer.status_code, body["status"], body["unwell"]) == (200, "ok", [])
    assert body["leader"]["age_seconds"] == 0
    assert body["disk"]["free_bytes"] <= body["disk"]["total_bytes"]
    assert "process" not in answer.text
    leadership.close()
