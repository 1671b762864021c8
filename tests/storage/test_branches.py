"""What is recorded of branch deployments, on both databases."""

from __future__ import annotations

import pytest

from dagstead.plane.branches import BaseSnapshot, BranchRecord, SnapshotCondition
from dagstead.plane.deployments import Branch
from dagstead.plane.launch_machine.events import Dequeue, Submission
from dagstead.plane.organization import ORGANIZATION
from dagstead.store.all import Store
from dagstead.testing.clock import ManualClock
from tests.support.releases import deploy, new_location

pytestmark = pytest.mark.storage

SNAPSHOT = BaseSnapshot(base="prod", taken_at=1.5, manifests={"weather": "{}"})


def branch(store: Store, name: str) -> str:
    return store.deployments.create_or_update_branch(
        Branch(repo_name="org/repo", branch_name=name), None
    ).name


def test_a_record_takes_the_place_of_the_one_before(store: Store) -> None:
    name = branch(store, "f")
    assert store.branches.get(name) is None
    record = BranchRecord(
        deployment=name, opened_at=1.0, condition=SnapshotCondition.ON_CREATE, snapshot=SNAPSHOT
    )
    store.branches.put(record)
    assert store.branches.get(name) == record
    assert store.branches.snapshots(ORGANIZATION) == [SNAPSHOT]

    plain = BranchRecord(deployment=name, opened_at=2.0)
    store.branches.put(plain)
    assert store.branches.get(name) == plain
    assert store.branches.snapshots(ORGANIZATION) == []


def test_a_record_goes_with_its_deployment(store: Store) -> None:
    store.deployments.create("prod")
    name = branch(store, "f")
    store.branches.put(BranchRecord(deployment=name, opened_at=1.0, snapshot=SNAPSHOT))

    store.deployments.delete(name)
    assert store.branches.get(name) is None
    assert store.branches.snapshots(ORGANIZATION) == []


def test_the_last_activity_is_the_newest_of_everything(store: Store, clock: ManualClock) -> None:
    store.deployments.create("prod")
    made = clock()
    opened, released, ran, closed, quiet = (branch(store, each) for each in "abcde")
    clock.advance(10)
    store.branches.put(BranchRecord(deployment=opened, opened_at=clock()))
    clock.advance(10)
    deploy(store, released, [new_location("weather")])
    deploy(store, "prod", [new_location("weather")])
    clock.advance(10)
    store.launches.step(ran, "run", Submission())
    store.deployments.close(closed)

    assert store.branches.activity(ORGANIZATION) == {
        quiet: made,
        opened: made + 10,
        released: made + 20,
        ran: made + 30,
    }


def test_runs_of_branch_deployments_count_from_when_they_leave_their_queue(store: Store) -> None:
    store.deployments.create("prod")
    name = branch(store, "f")
    for deployment in ("prod", name):
        store.launches.step(deployment, "waits", Submission())
        store.launches.step(deployment, "goes on", Submission())
        store.launches.step(deployment, "goes on", Dequeue())

    assert store.launches.in_branches(ORGANIZATION) == [(name, "goes on")]


def test_only_branch_deployments_are_closed(store: Store) -> None:
    store.deployments.create("prod")
    name = branch(store, "f")

    store.deployments.close("prod")
    store.deployments.close(name)
    assert not store.deployments.get("prod").closed
    assert store.deployments.get(name).closed
    assert not store.deployments.get(branch(store, "f")).closed
