"""Documents of alert policies: what is read, and what is refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from dagstead.errors import InvalidInputError
from dagstead.plane.alert_documents import read_document, read_policy
from dagstead.plane.alert_events import NOT_WATCHED, AlertEvent
from dagstead.plane.alert_policies import AlertDocument, StoredPolicy, masked_entry
from dagstead.plane.alert_targets import NOT_OFFERED
from tests.support.alert_policies import entry_of

OFFICIAL, OWN = AlertDocument.OFFICIAL, AlertDocument.OWN


@pytest.mark.parametrize("kind", AlertDocument)
def test_the_mapping_and_the_bare_list_are_the_same(kind: AlertDocument) -> None:
    key = {OFFICIAL: "alert_policies", OWN: "alerts"}[kind]
    entries = [entry_of("one"), entry_of("two", "JOB_FAILURE")]
    assert read_document(entries, kind) == read_document({key: entries}, kind)
    assert read_document([], kind) == read_document({key: None}, kind) == []


@pytest.mark.parametrize("document", [{"policies": []}, "text", 7, {"alert_policies": 7}, [7]])
def test_what_is_no_document_is_refused(document: object) -> None:
    with pytest.raises(InvalidInputError):
        read_document(document, OFFICIAL)


@pytest.mark.parametrize("event", NOT_WATCHED)
def test_an_official_event_that_is_not_watched_is_refused_by_name(event: str) -> None:
    with pytest.raises(InvalidInputError, match=f"{event} of alert policy 'p' is not offered"):
        read_policy(entry_of("p", event), OFFICIAL)


@pytest.mark.parametrize("target", NOT_OFFERED)
def test_an_official_target_that_is_not_offered_is_refused_by_name(target: str) -> None:
    with pytest.raises(InvalidInputError, match=f"{target} of alert policy 'p' is not offered"):
        read_policy(entry_of("p", "JOB_FAILURE", alert_targets=[{target: {}}]), OFFICIAL)


@pytest.mark.parametrize("event", [each for each in AlertEvent if each.is_own])
def test_what_only_we_have_is_for_our_own_document(event: AlertEvent) -> None:
    assert read_policy(entry_of("p", event), OWN).events == {event}
    with pytest.raises(InvalidInputError, match="`dagstead alerts sync`"):
        read_policy(entry_of("p", event), OFFICIAL)


@pytest.mark.parametrize(
    ("service", "says"),
    [
        ({"slack": {}}, "slack_webhook: {url: …}"),
        ({"email_owners": {}}, "write email"),
        ({"pagerduty": {"integration_key": "k"}}, "pagerduty://"),
        ({"microsoft_teams": {"webhook_url": "u"}}, "workflows://"),
        ({"slack_webhook": {"url": "https://example.com"}}, "not a service of this document"),
        ({"carrier_pigeon": {}}, "Services are: email, webhook."),
        ({}, "has to be one service"),
        ({"email": {"email_addresses": []}}, "1 to 50 addresses"),
        ({"email": {"email_addresses": ["a@b.c\nBcc: d@e.f"]}}, "not an e-mail address"),
        ({"email": {"email_addresses": ["nobody"]}}, "not an e-mail address"),
        ({"webhook": {"webhook_url": "ftp://example.com"}}, "address such as https"),
        ({"webhook": {"webhook_url": "https://u:p@example.com"}}, "must not have a password"),
        ({"webhook": {"webhook_url": "https://[::1"}}, "address such as https"),
        ({"webhook": {"webhook_url": "https://e.com", "body_template": "x"}}, "Leave it empty."),
        ({"webhook": {"webhook_url": "https://e.com", "secret": "s"}}, "'secret' of webhook"),
        ({"webhook": {"webhook_url": "https://e.com", "headers": {"Host": "x"}}}, "cannot be set"),
        (
            {"webhook": {"webhook_url": "https://e.com", "headers": {"X-A": "a\r\nb"}}},
            "has to be plain text",
        ),
        ({"webhook": {"webhook_url": "https://e.com/***"}}, "stands for a secret"),
    ],
)
def test_a_service_that_cannot_be_is_refused(service: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        read_policy(entry_of("p", notification_service=service), OFFICIAL)
    assert says in caught.value.message


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"event_types": ["JOB_FAILURE", "TICK_FAILURE"]}, "Write a policy for each."),
        ({"event_types": []}, "have to be a list"),
        ({"event_types": ["JOB_FAILED"]}, "is not an event. Events are:"),
        ({"event_types": ["JOB_LONG_RUNNING"]}, "threshold_seconds"),
        ({"enable": True}, "Did you mean 'enabled'?"),
        ({"name": ""}, "The name of policy 1"),
        ({"name": "n" * 201}, "at most 200"),
        ({"enabled": "yes"}, "true or false"),
        ({"alert_targets": [{"run_result_target": {}}]}, "are about agents and queues"),
        ({"alert_targets": [{"queue_target": {}}]}, "is not a target"),
        ({"policy_options": {"consecutive_failure_threshold": 2}}, "for schedules and sensors"),
        ({"policy_options": {"renotify_interval_minutes": 0}}, "from 1 to"),
        ({"policy_options": {"late_minutes": 5}}, "is not a field"),
        ({"tags": {"team": "ml"}}, "are of runs"),
        ({"description": "half \ud800"}, ""),
    ],
)
def test_what_cannot_be_is_refused_with_the_value(change: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        read_document([{**entry_of("p"), **change}], OFFICIAL)
    assert says in caught.value.message


def test_everything_wrong_is_said_at_once_and_names_are_unique() -> None:
    entries = [entry_of("p", "JOB_FAILED"), entry_of("q", enabled=7), entry_of("r"), entry_of("r")]
    with pytest.raises(InvalidInputError) as caught:
        read_document(entries, OWN)
    for part in ("'JOB_FAILED'", "enabled of alert policy 'q'", "2 policies named 'r'"):
        assert part in caught.value.message


def test_secrets_are_masked_and_the_rest_is_as_it_was_written() -> None:
    hook = {
        "webhook_url": "https://example.com/t0ken?key=k",
        "headers": {"Authorization": "Bearer t0ken"},
        "secret": "t0ken",
    }
    entry = entry_of("p", notification_service={"webhook": hook}, description="as it is")
    stored = StoredPolicy(
        id=1,
        deployment="prod",
        document=OWN,
        policy=read_policy(entry, OWN),
        entry=entry,
        created_at=0.0,
        updated_at=0.0,
        updated_by="ada",
    )
    shown = masked_entry(stored)
    assert "t0ken" not in str(shown) + repr(stored) + stored.policy.destination
    assert "https://example.com/***" in str(shown)
    assert shown["description"] == "as it is"
    with pytest.raises(InvalidInputError, match="stands for a secret"):
        read_policy(shown, OWN)
