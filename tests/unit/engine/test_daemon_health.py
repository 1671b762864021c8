"""The UI shows the daemons of a leader that is gone as unhealthy."""

from __future__ import annotations

from pathlib import Path

from dagster._daemon.types import DaemonHeartbeat
from dagster._time import get_current_timestamp

from dagstead.engine.instances import Instances
from dagstead.plane.health import LEADER_SECONDS
from dagstead.plane.leases import Fence
from dagstead.store.leadership import Leadership
from dagstead.testing.clock import ManualClock
from tests.support.stores import empty_store


def test_daemons_are_as_well_as_their_leader(tmp_path: Path, clock: ManualClock) -> None:
    store = empty_store(tmp_path, clock)
    instances = Instances(store, tmp_path / "deployments", None)
    instance = instances.get(store.deployments.create("prod"))
    for daemon in instance.get_required_daemon_types():
        beat = DaemonHeartbeat(get_current_timestamp(), daemon, "id", errors=[])
        instance.add_daemon_heartbeat(beat)

    def healthy() -> set[bool | None]:
        return {status.healthy for status in instance.get_daemon_statuses().values()}

    assert healthy() == {False}
    leadership = Leadership(store.database, clock, tmp_path / "daemon.lock")
    assert leadership.campaign() == Fence(1)
    assert healthy() == {True}
    clock.advance(LEADER_SECONDS)
    assert healthy() == {False}
    for each in (leadership, instances, store):
        each.close()
