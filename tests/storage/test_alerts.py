"""Alert policies, what fires and messages, on both databases."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from sqlalchemy import select

from dagstead.control.actor import COMMAND_LINE, SYSTEM
from dagstead.plane.alert_deliveries import DeliveryState
from dagstead.plane.alert_documents import read_document
from dagstead.plane.alert_policies import AlertDocument
from dagstead.plane.organization import ORGANIZATION
from dagstead.store.all import Store
from dagstead.store.tables import alert_policies
from dagstead.testing.clock import ManualClock
from tests.support.alert_policies import entry_of, sync
from tests.support.alert_runs import failed_run
from tests.support.orchestration import NoDagster, control_without_dagster

pytestmark = pytest.mark.storage

OWN, OFFICIAL = AlertDocument.OWN, AlertDocument.OFFICIAL


@pytest.fixture
def prod(store: Store) -> Store:
    store.deployments.create("prod")
    return store


def test_a_policy_keeps_its_number_as_long_as_it_keeps_its_name(prod: Store) -> None:
    store = prod.alert_policies
    store.replace("prod", OWN, read_document([entry_of("a"), entry_of("b")], OWN), "ada")
    before = {each.policy.name: each.id for each in store.all("prod").readable}
    changed = [entry_of("c"), entry_of("b", "JOB_FAILURE")]
    store.replace("prod", OWN, read_document(changed, OWN), "eve")
    after = store.all("prod").readable
    assert [(each.policy.name, each.updated_by) for each in after] == [("c", "eve"), ("b", "eve")]
    assert after[1].id == before["b"]
    assert after[1].entry == changed[1]


def test_the_two_documents_may_have_the_same_names(prod: Store) -> None:
    store = prod.alert_policies
    for kind in AlertDocument:
        store.replace("prod", kind, read_document([entry_of("a")], kind), "ada")
    assert [each.document for each in store.all("prod").readable] == [OFFICIAL, OWN]
    assert store.remove("prod", OFFICIAL, "a")
    assert not store.remove("prod", OFFICIAL, "a")
    assert [each.document for each in store.all("prod").readable] == [OWN]


def test_an_entry_is_encrypted_and_follows_the_master_key(prod: Store) -> None:
    control = control_without_dagster(prod)
    sync(control, entry_of("a"))
    with prod.database.read() as connection:
        assert "t0ken" not in str(connection.execute(select(alert_policies)).all())
    (old,) = prod.alert_policies.keys_in_use(ORGANIZATION)
    control.secrets.rotate_key(COMMAND_LINE)
    (new,) = prod.alert_policies.keys_in_use(ORGANIZATION)
    assert new != old
    assert prod.alert_policies.all("prod").readable[0].entry == entry_of("a")
    assert prod.alert_policies.forget(ORGANIZATION, [new]) == 1


def test_two_who_sync_at_once_leave_one_of_their_documents(prod: Store) -> None:
    documents = [read_document([entry_of(f"{who}-{n}") for n in range(5)], OWN) for who in "ab"]
    threads = [
        threading.Thread(target=prod.alert_policies.replace, args=("prod", OWN, each, "ada"))
        for each in documents
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = {each.policy.name[0] for each in prod.alert_policies.all("prod").readable}
    assert len(names) == 1


def test_every_failed_run_is_sent_once_and_none_from_before(
    prod: Store, clock: ManualClock
) -> None:
    dagster = NoDagster()
    control = control_without_dagster(prod, dagster)
    dagster.alert_runs.append(failed_run(0, clock))
    clock.advance(10)
    sync(control, entry_of("p", "JOB_FAILURE"))
    assert control.alert_watch.look(SYSTEM) == 0
    dagster.alert_runs += [failed_run(number, clock) for number in range(1, 4)]
    assert control.alert_watch.look(SYSTEM) == 1
    assert control.alert_watch.look(SYSTEM) == 0
    (delivery,) = prod.alert_outbox.newest(ORGANIZATION, [1], 10)
    assert [each.run_id for each in delivery.items] == ["r1", "r2", "r3"]
    # Another process leads: it goes on where the one before was.
    again = control_without_dagster(prod, dagster)
    assert again.alert_watch.look(SYSTEM) == 0


def test_what_comes_soon_after_a_message_is_gathered(prod: Store, clock: ManualClock) -> None:
    dagster = NoDagster()
    control = control_without_dagster(prod, dagster)
    sync(control, entry_of("p", "JOB_FAILURE"))
    control.alert_watch.look(SYSTEM)
    for number in range(10):
        dagster.alert_runs.append(failed_run(number, clock))
        control.alert_watch.look(SYSTEM)
        for delivery, _ in control.alert_watch.due(SYSTEM, (), 10):
            control.alert_watch.note_sent(SYSTEM, delivery)
        clock.advance(5)
    found = prod.alert_outbox.newest(ORGANIZATION, [1], 10)
    assert [(each.state, each.total) for each in found] == [
        (DeliveryState.WAITING, 9),
        (DeliveryState.SENT, 1),
    ]
    clock.advance(60)
    ((delivery, _),) = control.alert_watch.due(SYSTEM, (), 10)
    assert delivery.total == 9


def test_ten_thousand_failed_runs_are_one_message(prod: Store, clock: ManualClock) -> None:
    dagster = NoDagster()
    control = control_without_dagster(prod, dagster)
    sync(control, entry_of("p", "JOB_FAILURE"))
    control.alert_watch.look(SYSTEM)
    dagster.alert_runs += [failed_run(number, clock) for number in range(10_000)]
    assert control.alert_watch.look(SYSTEM) == 1
    ((delivery, _),) = control.alert_watch.due(SYSTEM, (), 10)
    assert (delivery.total, len(delivery.items)) == (10_000, 50)


def test_a_message_of_a_policy_under_way_is_left_out(prod: Store) -> None:
    control = control_without_dagster(prod)
    sync(control, entry_of("a"), entry_of("b"))
    place = prod.deployments.get("prod")
    for name in ("a", "a", "b"):
        control.alerts.test(COMMAND_LINE, place, name)
    numbers = {each.policy.name: each.id for each in prod.alert_policies.all("prod").readable}
    due = control.alert_watch.due(SYSTEM, [numbers["a"]], 10)
    assert [delivery.policy for delivery, _ in due] == ["b"]


def test_runs_that_end_in_a_silence_are_muted(prod: Store, clock: ManualClock) -> None:
    dagster = NoDagster()
    control = control_without_dagster(prod, dagster)
    sync(control, entry_of("p", "JOB_FAILURE"))
    control.alert_watch.look(SYSTEM)
    place = prod.deployments.get("prod")
    control.alerts.silence(COMMAND_LINE, place, None, clock() + 100)
    dagster.alert_runs.append(failed_run(1, clock))
    assert control.alert_watch.look(SYSTEM) == 0
    clock.advance(200)
    assert control.alert_watch.look(SYSTEM) == 0
    (muted,) = prod.alert_outbox.newest(ORGANIZATION, [1], 10)
    assert muted.state is DeliveryState.MUTED
    assert control.alert_watch.due(SYSTEM, (), 10) == []


def test_old_messages_are_removed_and_those_that_wait_stay(prod: Store, clock: ManualClock) -> None:
    control = control_without_dagster(prod)
    sync(control, entry_of("a"))
    place = prod.deployments.get("prod")
    control.alerts.test(COMMAND_LINE, place, "a")
    ((delivery, _),) = control.alert_watch.due(SYSTEM, (), 10)
    clock.advance(100)
    assert control.alert_watch.purge(SYSTEM, 50) == 0
    control.alert_watch.note_sent(SYSTEM, replace(delivery))
    assert control.alert_watch.purge(SYSTEM, 50) == 1
