"""How the parts of a control plane are judged."""

from __future__ import annotations

import pytest

from dagstead.plane.agents import ALIVE_SECONDS
from dagstead.plane.health import LEADER_SECONDS, LOW_DISK_BYTES, Disk, ServerPart, parts_of
from dagstead.plane.leases import Lease
from dagstead.plane.pauses import Pause
from dagstead.plane.presence import Presence
from tests.support.heartbeats import POOL_TOKEN, heartbeat_of

NOW = 1_000_000.0
ROOMY = Disk(of="the data folder", free=LOW_DISK_BYTES, total=100 * LOW_DISK_BYTES)


def lease(age: float, holder: str | None = "process 7 on box") -> Lease:
    return Lease(epoch=3, holder=holder, session="7:1", since=NOW - 300, renewed_at=NOW, age=age)


def parts(**given: object) -> dict[str, ServerPart]:
    values = {"lease": lease(1.0), "disks": [ROOMY], "beats": (), "presence": Presence(now=NOW)}
    values |= given
    return {part.name: part for part in parts_of(**values)}  # type: ignore[arg-type]


def test_all_is_well() -> None:
    assert all(part.is_well for part in parts().values())
    assert parts()["leader"].says == "The daemons run as process 7 on box, for 5 minutes."


@pytest.mark.parametrize("given", [lease(LEADER_SECONDS), lease(-99.0), lease(1.0, holder=None)])
def test_without_a_renewal_nobody_leads(given: Lease) -> None:
    found = parts(lease=given)["leader"]
    assert not found.is_well
    assert "No process runs the daemons" in found.says
    assert "Start `dagstead daemon`" in found.says


def test_a_pause_is_not_forgotten() -> None:
    pause = Pause(since=NOW - 300, reason="It was asked for by ada.")
    found = parts(pause=pause)["leader"]
    assert not found.is_well
    assert found.says.startswith(
        "Paused for 5 minutes. It was asked for by ada. Queued runs do not"
    )
    assert "No process runs the daemons" in parts(pause=pause, lease=lease(99.0))["leader"].says


@pytest.mark.parametrize(
    ("disk", "says"),
    [
        (Disk(of="temporary files", free=1024**2, total=1024**4), "is full: 1 MiB are free"),
        (Disk(of="temporary files", free=1024**4, total=1024**4, files_left=0), "no more files"),
    ],
)
def test_a_full_disk_is_said_whichever_it_is(disk: Disk, says: str) -> None:
    found = parts(disks=[ROOMY, disk])["disk"]
    assert not found.is_well
    assert found.says.startswith("The disk of temporary files")
    assert says in found.says


def test_a_small_disk_with_much_room_is_well() -> None:
    small = Disk(of="temporary files", free=LOW_DISK_BYTES // 4, total=LOW_DISK_BYTES)
    found = parts(disks=[ROOMY, small])["disk"]
    assert found.is_well
    assert found.numbers == {"free_bytes": small.free, "total_bytes": small.total}
    assert found.says.endswith("The disk of temporary files has 64 MiB of 256 MiB free.")


def test_a_database_that_refuses_changes_is_not_well() -> None:
    found = parts(refusal="The control plane's disk is full.")["database"]
    assert not found.is_well
    assert found.says == "It answers, and takes no change: The control plane's disk is full."


def test_a_pool_that_was_started_once_is_missed_and_one_that_never_was_is_not() -> None:
    old = heartbeat_of(now=NOW - ALIVE_SECONDS - 600, pool=POOL_TOKEN, agent_id="a")
    new = heartbeat_of(now=NOW, pool=POOL_TOKEN, agent_id="b")
    assert parts()["pool"].is_well
    assert not parts(beats=[old])["pool"].is_well
    assert parts(beats=[old, new])["pool"].is_well


def test_silent_agents_are_counted_once_for_all_their_deployments() -> None:
    beats = [
        heartbeat_of(now=NOW - ALIVE_SECONDS, agent_id="gone", label="gone"),
        heartbeat_of(now=NOW - ALIVE_SECONDS - 1, agent_id="gone", label="gone"),
        heartbeat_of(now=NOW, agent_id="here", label="here"),
    ]
    agents = parts(beats=beats)["agents"]
    assert agents.numbers == {"running": 1, "silent": 1}
    assert agents.says == "1 hybrid agent runs, 1 is silent."
