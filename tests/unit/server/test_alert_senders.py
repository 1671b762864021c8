"""What becomes of messages at places that fail, hang, lead elsewhere, or are inner ones."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from dagstead.errors import ConfigurationError, DagsteadError
from dagstead.plane.alert_deliveries import AlertDelivery, DeliveryItem, DeliveryState
from dagstead.plane.alert_documents import read_policy
from dagstead.plane.alert_policies import AlertDocument
from dagstead.plane.alert_texts import AlertMessage
from dagstead.server.alert_apprise import send_by_apprise
from dagstead.server.alert_connections import PlaceRefusedError
from dagstead.server.alert_mail import PASSWORD_VARIABLE, MailRefusedError, MailSender
from dagstead.server.alert_senders import alert_senders_of
from dagstead.server.alert_webhooks import WebhookSender
from dagstead.server.networks import Networks, is_public
from dagstead.server.settings_report import report
from dagstead.server.settings_sources import load_settings
from dagstead.testing.clock import ManualClock
from tests.support.alert_policies import entry_of, to_hook
from tests.support.alert_receivers import hook_receiver, mail_server
from tests.support.ports import free_port

LOCAL = Networks.of("127.0.0.0/8, ::1/128")
HERE = WebhookSender(LOCAL, ManualClock(), seconds=2.0)
MAIL = {"email": {"email_addresses": ["a@example.com", "b@example.com"]}}


def message(service: Mapping[str, Any]) -> AlertMessage:
    entry = entry_of("p", "JOB_FAILURE", notification_service=service)
    delivery = AlertDelivery(
        id="d1",
        deployment="prod",
        policy_id=1,
        policy="p",
        created_at=0.0,
        due_at=0.0,
        state=DeliveryState.WAITING,
        items=[DeliveryItem(event="JOB_FAILURE", title="Run of nightly failed", says="It has.")],
        total=1,
    )
    policy = read_policy(entry, AlertDocument.OWN)
    return AlertMessage(delivery, policy, "https://d.example.com")


def test_a_webhook_gets_headers_of_its_policy_and_none_replaces_ours() -> None:
    with hook_receiver() as hook:
        to = {"webhook_url": hook.address, "headers": {"X-Key": "k", "Accept": "x"}}
        HERE.send(message({"webhook": to}))
        HERE.send_slack(message({"slack_webhook": {"url": hook.address}}))
    first, second = hook.got
    assert (first.headers["X-Key"], first.headers["Dagstead-Delivery"]) == ("k", "d1")
    assert "Dagstead-Signature" not in first.headers
    assert first.headers["Content-Type"] == second.headers["Content-Type"] == "application/json"
    assert json.loads(second.body)["text"].startswith("*[prod] Run of nightly failed*")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(status: int) -> None:
    with (
        hook_receiver() as inner,
        hook_receiver(status, location=f"{inner.address}?token=s3cret") as hook,
        pytest.raises(PlaceRefusedError, match="Redirects are not followed") as caught,
    ):
        HERE.send(message(to_hook(hook.address)))
    assert inner.got == []
    assert "s3cret" not in caught.value.message


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_what_is_not_taken_is_said(status: int) -> None:
    with (
        hook_receiver(status) as hook,
        pytest.raises(PlaceRefusedError, match=f"It answered {status}"),
    ):
        HERE.send(message(to_hook(hook.address)))


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "10.0.0.1", "169.254.169.254",
     "192.168.1.1", "0.0.0.0", "[fd00::1]", "[fe80::1]", "100.64.0.1", "2130706433", "0x7f.1",
     "224.0.0.1", "[64:ff9b::7f00:1]", "[2002:7f00:1::]"],
)  # fmt: skip
def test_inner_addresses_are_refused_before_anything_is_sent(host: str) -> None:
    with hook_receiver() as hook:
        made = message(to_hook(f"http://{host}:{hook.port}/hook"))
        with pytest.raises(PlaceRefusedError) as caught:
            WebhookSender(Networks.of(""), ManualClock()).send(made)
    assert hook.got == []
    assert "alerts_networks" in caught.value.message or "resolved" in caught.value.message


def test_a_name_is_refused_if_one_of_its_addresses_is_an_inner_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def both(_host: str, port: int, **_options: Any) -> list[Any]:
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in ("93.184.216.34", "10.0.0.1")
        ]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    with pytest.raises(PlaceRefusedError, match="10.0.0.1, an inner address"):
        HERE.send(message(to_hook("http://mixed.example.com/hook")))


@pytest.mark.parametrize("address", ["8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8"])
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(address)


@contextmanager
def dripping() -> Iterator[int]:
    """A server that sends a header without an end, a character at a time."""
    stopped = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            try:
                connection.sendall(b"HTTP/1.1 200 OK\r\nX-A: ")
                while not stopped.wait(0.05):
                    connection.sendall(b"a")
            except OSError:
                pass

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        stopped.set()
        thread.join()
        listener.close()


def test_a_page_that_hangs_or_drips_has_a_bounded_time() -> None:
    with hook_receiver() as hook:
        hook.answers.clear()
        began = time.monotonic()
        with pytest.raises(PlaceRefusedError, match="did not answer within 2 seconds"):
            HERE.send(message(to_hook(hook.address)))
        hook.answers.set()
    with dripping() as port, pytest.raises(PlaceRefusedError, match="within 2 seconds"):
        HERE.send(message(to_hook(f"http://127.0.0.1:{port}/")))
    assert time.monotonic() - began < 10


def test_nobody_there() -> None:
    with pytest.raises(PlaceRefusedError, match="Nobody answers at 127.0.0.1"):
        HERE.send(message(to_hook(f"http://127.0.0.1:{free_port()}/t0ken")))
    with pytest.raises(PlaceRefusedError, match="cannot be resolved") as caught:
        HERE.send(message(to_hook("http://nowhere.invalid/t0ken")))
    assert "t0ken" not in caught.value.message


def test_a_mail_server_that_is_down_or_refuses() -> None:
    with pytest.raises(MailRefusedError, match="cannot be used"):
        MailSender(f"smtp://127.0.0.1:{free_port()}", "d@example.com").send(message(MAIL))
    with mail_server() as box:
        sender = MailSender(box.server, "d@example.com", "s3cret")
        assert "s3cret" not in repr(sender)
        box.refusal = "552 Mailbox full"
        with pytest.raises(MailRefusedError, match="552: Mailbox full"):
            sender.send(message(MAIL))
        box.refusal = None
        for _ in range(2):
            sender.send(message(MAIL))
        first, second = box.mails
        assert first["Message-ID"] == second["Message-ID"] == "<d1@example.com>"
        assert first["Auto-Submitted"] == "auto-generated"
        # A mail is never sent as it is over a connection that was to be encrypted.
        tls = box.server.replace("smtp:", "smtp+starttls:")
        with pytest.raises(MailRefusedError, match="cannot be used"):
            MailSender(tls, "d@example.com").send(message(MAIL))
    assert len(box.mails) == 2


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
def test_apprise_sends_what_it_knows_and_says_what_it_does_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with hook_receiver() as hook, caplog.at_level(logging.DEBUG):
        address = f"json://user:s3cret@127.0.0.1:{hook.port}/hook"
        send_by_apprise(message({"apprise": {"url": address}}))
        (posted,) = hook.got
        assert json.loads(posted.body)["title"] == "[prod] Run of nightly failed"
        for url, says in (
            ("nope://s3cret", "does not know the address nope://"),
            ("syslog://s3cret", "is of this machine"),
            (f"json://127.0.0.1:{free_port()}/s3cret", "did not take it"),
        ):
            with pytest.raises(DagsteadError, match=says) as caught:
                send_by_apprise(message({"apprise": {"url": url}}))
            assert "s3cret" not in caught.value.message
    assert "s3cret" not in caplog.text


def test_what_is_not_set_is_said_in_the_message_of_a_failed_try() -> None:
    sender = alert_senders_of(load_settings({}, environment={}).settings, {})
    for service, says in ((MAIL, "alerts_smtp"), ({"apprise": {"url": "x://y"}}, "alerts_apprise")):
        made = message(service)
        with pytest.raises(DagsteadError, match=says):
            sender.send(made.delivery, made.policy)


def test_settings_that_do_not_go_together_are_refused() -> None:
    settings = load_settings({}, environment={}).settings
    with pytest.raises(ConfigurationError, match="alerts_smtp is not"):
        alert_senders_of(settings, {PASSWORD_VARIABLE: "s3cret"})
    with_server = settings.model_copy(update={"alerts_smtp": "smtp://mail"})
    with pytest.raises(ConfigurationError, match="alerts_from is not"):
        alert_senders_of(with_server, {})


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("alerts_smtp", "mail.example.com", "must be smtp://HOST"),
        ("alerts_smtp", "smtps://u:s3cret@mail", "DAGSTEAD_ALERTS_SMTP_PASSWORD"),
        ("alerts_from", "nobody", "must be an address"),
        ("alerts_networks", "10.0.0.1/8", "must be networks"),
    ],
)
def test_a_setting_of_another_form_is_refused(name: str, value: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        load_settings({name: value}, environment={})


def test_no_password_is_in_the_report_of_settings() -> None:
    loaded = load_settings(
        {"alerts_smtp": "smtps://u@mail", "alerts_from": "d@example.com"},
        environment={PASSWORD_VARIABLE: "s3cret"},
    )
    assert "s3cret" not in str(report(loaded))
