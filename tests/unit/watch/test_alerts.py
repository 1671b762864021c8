"""What fires is sent: from what home shows as wrong to a real page and a real mail server."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from dagstead.control.actor import COMMAND_LINE, SYSTEM
from dagstead.control.all import Control
from dagstead.plane.alert_deliveries import AlertDelivery, DeliveryState
from dagstead.plane.alert_policies import AlertDocument, AlertPolicy, StoredPolicy
from dagstead.plane.organization import ORGANIZATION
from dagstead.server.alert_connections import PlaceRefusedError
from dagstead.server.alert_senders import alert_senders_of
from dagstead.server.settings_sources import load_settings
from dagstead.store.all import Store
from dagstead.testing.clock import ManualClock
from dagstead.testing.waiting import eventually
from dagstead.watch.alert_deliverer import AlertDeliverer, AlertSender
from tests.support.alert_policies import entry_of, sync, to_hook
from tests.support.alert_receivers import HookReceiver, Mailbox, hook_receiver, mail_server
from tests.support.console_scene import ConsoleScene
from tests.support.orchestration import control_without_dagster
from tests.support.stores import empty_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(empty_store(tmp_path, ManualClock())) as opened:
        ConsoleScene(opened).fill()
        yield opened


@pytest.fixture
def control(store: Store) -> Control:
    return control_without_dagster(store)


@pytest.fixture
def hook() -> Iterator[HookReceiver]:
    with hook_receiver() as receiver:
        yield receiver


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with mail_server() as box:
        yield box


def senders(clock: ManualClock | None = None, **settings: object) -> AlertSender:
    given = {"alerts_networks": "127.0.0.0/8", "public_url": "https://d.example.com", **settings}
    loaded = load_settings(given, environment={}).settings
    return alert_senders_of(loaded, {}, clock or ManualClock())


@contextmanager
def delivering(control: Control, sender: AlertSender) -> Iterator[None]:
    deliverer = AlertDeliverer(control, sender)
    deliverer.start()
    try:
        yield
    finally:
        deliverer.stop()


def deliveries(control: Control) -> list[AlertDelivery]:
    prod = control.deployments.named(COMMAND_LINE, "prod")
    return list(control.alerts.deliveries(COMMAND_LINE, prod, 100))


def test_an_unserved_queue_is_posted_and_mailed_with_the_ids_that_are_stored(
    control: Control, hook: HookReceiver, mailbox: Mailbox
) -> None:
    sync(
        control,
        entry_of("hook", "AGENT_UNAVAILABLE", notification_service=to_hook(hook.address, "s3cret")),
        entry_of(
            "mail",
            "QUEUE_UNSERVED",
            notification_service={"email": {"email_addresses": ["a@example.com", "b@example.com"]}},
        ),
    )
    assert control.alert_watch.look(SYSTEM) == 2
    sender = senders(alerts_smtp=mailbox.server, alerts_from="dagstead@example.com")
    with delivering(control, sender):
        eventually(lambda: bool(hook.got and mailbox.mails), 30, "both messages")
        eventually(lambda: all(each.sent_at for each in deliveries(control)), 30, "the notes")
    by_policy = {each.policy: each for each in deliveries(control)}
    (posted,) = hook.got
    body = json.loads(posted.body)
    assert posted.headers["Dagstead-Delivery"] == body["delivery"] == by_policy["hook"].id
    signed = posted.headers["Dagstead-Timestamp"].encode() + b"." + posted.body
    expected = hmac.new(b"s3cret", signed, hashlib.sha256).hexdigest()
    assert posted.headers["Dagstead-Signature"] == f"sha256={expected}"
    events = {each["event"] for each in body["alerts"]}
    assert events == {"QUEUE_UNSERVED", "AGENT_DOWN"}
    assert "gpu" in posted.body.decode()
    (mail,) = mailbox.mails
    assert mail["Message-ID"] == f"<{by_policy['mail'].id}@example.com>"
    assert mailbox.recipients == [["a@example.com", "b@example.com"]]
    assert "gpu" in mail["Subject"]
    assert "https://d.example.com/-/alerts?deployment=prod" in mail.get_content()


def test_it_fires_once_for_as_long_as_it_lasts_and_again_only_where_that_is_asked_for(
    control: Control, store: Store
) -> None:
    sync(
        control,
        entry_of("once", "QUEUE_UNSERVED"),
        entry_of(
            "again",
            "QUEUE_UNSERVED",
            policy_options={"renotify_interval_minutes": 10},
            notification_service=to_hook("https://example.com/other"),
        ),
    )
    assert control.alert_watch.look(SYSTEM) == 2
    assert control.alert_watch.look(SYSTEM) == 0
    clock = store.clock
    assert isinstance(clock, ManualClock)
    clock.advance(600)
    ConsoleScene(store).beat()
    assert control.alert_watch.look(SYSTEM) == 1
    assert sorted(each.policy for each in deliveries(control)) == ["again", "again", "once"]


def test_what_flaps_is_sent_once(control: Control, store: Store) -> None:
    sync(control, entry_of("p", "LOCATION_NOT_HEALING"))
    # It may heal at once.
    assert control.alert_watch.look(SYSTEM) == 0
    clock = store.clock
    assert isinstance(clock, ManualClock)
    clock.advance(70)
    assert control.alert_watch.look(SYSTEM) == 1
    broken = store.locations.get("prod", "invoices")
    for _ in range(5):
        store.releases.set_loaded("prod", "invoices", deploy_id=broken.deploy_id, manifest="{}")
        clock.advance(20)
        assert control.alert_watch.look(SYSTEM) == 0
        (_fired,) = store.alert_outbox.firing(ORGANIZATION, [1])
        store.releases.set_failed("prod", "invoices", deploy_id=broken.deploy_id, error="{}")
        clock.advance(20)
        assert control.alert_watch.look(SYSTEM) == 0
    assert len(deliveries(control)) == 1


def test_two_policies_alike_send_one_message(control: Control) -> None:
    sync(control, entry_of("one", "QUEUE_UNSERVED"), entry_of("two", "AGENT_UNAVAILABLE"))
    control.alert_watch.look(SYSTEM)
    items = [item.event for each in deliveries(control) for item in each.items]
    assert sorted(items) == ["AGENT_DOWN", "QUEUE_UNSERVED"]


def test_a_silence_holds_messages_back_and_what_still_fires_is_sent_after_it(
    control: Control, store: Store
) -> None:
    sync(control, entry_of("p", "QUEUE_UNSERVED"))
    prod = store.deployments.get("prod")
    now = store.clock()
    control.alerts.silence(COMMAND_LINE, prod, "p", now + 3600, "Moving")
    assert control.alert_watch.look(SYSTEM) == 0
    (shown,) = control.alerts.policies(COMMAND_LINE, prod)
    assert shown.silence is not None
    assert [each.event for each in shown.firing] == ["QUEUE_UNSERVED"]
    control.alerts.end_silence(COMMAND_LINE, prod, shown.silence.id)
    assert control.alert_watch.look(SYSTEM) == 1


def test_a_page_that_hangs_holds_up_no_other(control: Control, hook: HookReceiver) -> None:
    with hook_receiver() as hanging:
        hanging.answers.clear()
        sync(
            control,
            entry_of("hangs", "QUEUE_UNSERVED", notification_service=to_hook(hanging.address)),
            entry_of(
                "works",
                "QUEUE_UNSERVED",
                notification_service=to_hook(hook.address.replace("127.0.0.1", "localhost")),
            ),
        )
        control.alert_watch.look(SYSTEM)
        with delivering(control, senders()):
            eventually(lambda: bool(hook.got), 8, "the message to the other page")
            eventually(lambda: bool(hanging.got), 8, "the message to the page that hangs")


class Refusing:
    """A place that does not take anything."""

    def __init__(self, message: str = "It answered 500.") -> None:
        self.message = message
        self.tried: list[str] = []

    def send(self, delivery: AlertDelivery, _policy: AlertPolicy) -> None:
        self.tried.append(delivery.id)
        raise PlaceRefusedError(self.message)


def test_a_page_that_fails_for_an_hour_is_given_up_and_what_lasts_gets_another_message(
    control: Control, store: Store
) -> None:
    sync(control, entry_of("p", "QUEUE_UNSERVED"))
    control.alert_watch.look(SYSTEM)
    clock = store.clock
    assert isinstance(clock, ManualClock)
    pauses = []
    for _ in range(40):
        due = control.alert_watch.due(SYSTEM, (), 10)
        if due:
            control.alert_watch.note_failed(SYSTEM, due[0][0], "It answered 500.")
            (delivery,) = deliveries(control)
            pauses.append(delivery.due_at - clock())
            if delivery.state is DeliveryState.GIVEN_UP:
                break
        clock.advance(120)
    assert pauses[:4] == [5, 10, 20, 40]
    assert max(pauses) <= 600
    (given_up,) = deliveries(control)
    assert (given_up.state, given_up.error) == (DeliveryState.GIVEN_UP, "It answered 500.")
    ConsoleScene(store).beat()
    assert control.alert_watch.look(SYSTEM) == 1
    assert {each.state for each in deliveries(control)} == {
        DeliveryState.GIVEN_UP,
        DeliveryState.WAITING,
    }


def test_a_daemon_that_dies_before_it_notes_sends_the_same_id_again(
    control: Control, hook: HookReceiver
) -> None:
    sync(control, entry_of("p", notification_service=to_hook(hook.address)))
    control.alert_watch.look(SYSTEM)
    ((delivery, stored),) = control.alert_watch.due(SYSTEM, (), 10)
    assert isinstance(stored, StoredPolicy)
    # It was sent, and the process was killed.
    senders().send(delivery, stored.policy)
    with delivering(control, senders()):
        eventually(lambda: len(hook.got) == 2, 30, "the second time")
        eventually(lambda: all(each.sent_at for each in deliveries(control)), 30, "the note")
    first, second = hook.got
    assert first.headers["Dagstead-Delivery"] == second.headers["Dagstead-Delivery"]
    assert first.body == second.body


def test_a_test_is_sent_and_a_failing_one_is_not_tried_again(control: Control) -> None:
    sync(control, entry_of("p", "TICK_FAILURE"))
    prod = control.deployments.named(COMMAND_LINE, "prod")
    made = control.alerts.test(COMMAND_LINE, prod, "p")
    place = Refusing("It answered 404.")
    with delivering(control, place):
        eventually(
            lambda: (
                control.alerts.delivery(COMMAND_LINE, prod, made).state is DeliveryState.GIVEN_UP
            ),
            30,
            "the end of the test",
        )
    found = control.alerts.delivery(COMMAND_LINE, prod, made)
    assert (found.error, found.is_test, place.tried) == ("It answered 404.", True, [made])


def test_a_policy_that_was_mended_gets_what_waits(control: Control, hook: HookReceiver) -> None:
    sync(control, entry_of("p", notification_service=to_hook("http://127.0.0.1:1/nobody")))
    control.alert_watch.look(SYSTEM)
    ((delivery, stored),) = control.alert_watch.due(SYSTEM, (), 10)
    assert isinstance(stored, StoredPolicy)
    with pytest.raises(Exception, match="Nobody answers at 127.0.0.1"):
        senders().send(delivery, stored.policy)
    sync(control, entry_of("p", notification_service=to_hook(hook.address)))
    with delivering(control, senders()):
        eventually(lambda: bool(hook.got), 30, "the message")


def test_a_deployment_that_is_deleted_takes_its_alerts_along(
    control: Control, store: Store
) -> None:
    sync(control, entry_of("p"), deployment="staging")
    staging = store.deployments.get("staging")
    control.alerts.silence(COMMAND_LINE, staging, None, store.clock() + 60)
    control.alerts.test(COMMAND_LINE, staging, "p")
    control.deployments.delete(COMMAND_LINE, staging)
    assert control.alert_watch.due(SYSTEM, (), 10) == []
    assert control.alert_watch.look(SYSTEM) == 0


def test_a_sync_of_the_official_document_leaves_ours_as_it_is(control: Control) -> None:
    sync(control, entry_of("ours", "LONGEST_WAIT_EXCEEDED"))
    sync(control, entry_of("theirs"), kind=AlertDocument.OFFICIAL)
    sync(control, kind=AlertDocument.OFFICIAL)
    prod = control.deployments.named(COMMAND_LINE, "prod")
    shown = control.alerts.policies(COMMAND_LINE, prod)
    assert [each.stored.policy.name for each in shown] == ["ours"]
