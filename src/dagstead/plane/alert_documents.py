"""Reads documents of alert policies, and refuses by name what cannot be done.

The shapes are those of the official reference of alert policies. One official client sends the
whole mapping, ``{alert_policies: […]}``; others send the bare list.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dagstead.errors import InvalidInputError
from dagstead.plane import alert_fields as fields
from dagstead.plane.alert_events import NOT_WATCHED, SUBJECTS, AlertEvent, EventSubject
from dagstead.plane.alert_policies import AlertDocument, AlertOptions, AlertPolicy
from dagstead.plane.alert_services import read_service
from dagstead.plane.alert_targets import FORMS, NOT_OFFERED, RunTarget, Target, made
from dagstead.plane.late_schedules import LATE_SECONDS
from dagstead.plane.texts import require_small, require_storable_values

OFFICIAL_KEY = "alert_policies"
OWN_KEY = "alerts"
#: Nobody reads the messages of more.
MOST_POLICIES = 200
_MOST_BYTES = 256 * 1024
_MOST_NAME = 200

_FIELDS = frozenset(
    {
        "name",
        "description",
        "enabled",
        "event_types",
        "alert_targets",
        "notification_service",
        "policy_options",
        "tags",
    }
)
_OPTIONS = {
    "include_description_in_notification": None,
    "consecutive_failure_threshold": EventSubject.TICKS,
    "renotify_interval_minutes": None,
    "late_minutes": EventSubject.TICKS,
}
_RENOTIFY = frozenset({EventSubject.TICKS, EventSubject.AGENTS, EventSubject.LOCATIONS})


def entries_of(document: object, kind: AlertDocument) -> list[Mapping[str, Any]]:
    """The entries of a document that was sent, in either form.

    Raises:
        InvalidInputError: when it is not one.
    """
    key = OFFICIAL_KEY if kind is AlertDocument.OFFICIAL else OWN_KEY
    if isinstance(document, Mapping) and set(document) <= {key}:
        document = document.get(key)
    # An empty file.
    if document is None:
        document = []
    if not isinstance(document, Sequence) or isinstance(document, str | bytes):
        raise InvalidInputError(
            f"A document of alert policies is a list of policies, or a mapping with {key!r} and "
            f"nothing else, and this is {_named(document)}."
        )
    if len(document) > MOST_POLICIES:
        raise InvalidInputError(
            f"The document has {len(document)} policies, and at most {MOST_POLICIES} are taken."
        )
    return list(document)


def read_document(
    document: object, kind: AlertDocument
) -> list[tuple[AlertPolicy, dict[str, Any]]]:
    """The policies of a document, each with its entry.

    Raises:
        InvalidInputError: with everything that is wrong with it.
    """
    require_small("The document of alert policies", document, _MOST_BYTES)
    require_storable_values(document)
    found: list[tuple[AlertPolicy, dict[str, Any]]] = []
    wrong: list[str] = []
    for number, entry in enumerate(entries_of(document, kind), start=1):
        try:
            found.append((read_policy(entry, kind, number), dict(entry)))
        except InvalidInputError as error:
            wrong.append(error.message)
    names = [policy.name for policy, _ in found]
    wrong += [
        f"There are {names.count(name)} policies named {name!r}. Give each its own name."
        for name in sorted({name for name in names if names.count(name) > 1})
    ]
    if wrong:
        raise InvalidInputError(" ".join(wrong))
    return found


def read_policy(entry: object, kind: AlertDocument, number: int = 1) -> AlertPolicy:
    """One policy.

    Raises:
        InvalidInputError: with what is wrong with it.
    """
    if not isinstance(entry, Mapping):
        raise InvalidInputError(f"Policy {number} is no mapping.")
    name = fields.text(entry, "name", f"policy {number}", most=_MOST_NAME)
    where = f"alert policy {name!r}"
    fields.require_known(entry, _FIELDS, where)
    events = _events(entry, kind, where)
    subject = SUBJECTS[min(events)]
    service, send_to = read_service(
        fields.mapping(entry, "notification_service", where), kind, where
    )
    targets = tuple(_targets(entry, subject, kind, where))
    tags = fields.tags(entry.get("tags"), where)
    if tags and subject is not EventSubject.RUNS:
        raise InvalidInputError(f"The tags of {where} are of runs, and its events are not.")
    policy = AlertPolicy(
        name=name,
        description=fields.text(entry, "description", where, default=""),
        is_enabled=fields.flag(entry, "enabled", where, default=True),
        events=events,
        service=service,
        send_to=send_to,
        targets=targets,
        tags=tags,
        options=_options(entry, subject, kind, where),
    )
    if AlertEvent.JOB_LONG_RUNNING in events and policy.shortest_long_run is None:
        raise InvalidInputError(
            f"JOB_LONG_RUNNING of {where} needs to know how long is long: give it a "
            "long_running_job_threshold_target with threshold_seconds."
        )
    return policy


def _events(entry: Mapping[str, Any], kind: AlertDocument, where: str) -> frozenset[AlertEvent]:
    given = entry.get("event_types")
    if not isinstance(given, list) or not given:
        raise InvalidInputError(f"The event_types of {where} have to be a list of events.")
    events = frozenset(_event(each, kind, where) for each in given)
    subjects = sorted({SUBJECTS[event].value for event in events})
    if len(subjects) > 1:
        raise InvalidInputError(
            f"The event_types of {where} are about {' and '.join(subjects)}. Write a policy for "
            "each."
        )
    return events


def _event(given: object, kind: AlertDocument, where: str) -> AlertEvent:
    if given in NOT_WATCHED:
        raise InvalidInputError(f"{given} of {where} is not offered. {NOT_WATCHED[str(given)]}")
    try:
        event = AlertEvent(str(given))
    except ValueError:
        raise InvalidInputError(
            f"{given!r} of {where} is not an event. Events are: {_listed(kind)}."
        ) from None
    if event.is_own and kind is AlertDocument.OFFICIAL:
        official = event.official
        instead = "" if official is None else f", or write {official} here"
        raise InvalidInputError(
            f"{event} of {where} is not of the official document. Put the policy into the other "
            f"one, with `dagstead alerts sync`{instead}."
        )
    return event


def _listed(kind: AlertDocument) -> str:
    return ", ".join(each for each in AlertEvent if kind is AlertDocument.OWN or not each.is_own)


def _targets(
    entry: Mapping[str, Any], subject: EventSubject, kind: AlertDocument, where: str
) -> Iterable[Target]:
    given = entry.get("alert_targets")
    if given is None:
        return
    if not isinstance(given, list):
        raise InvalidInputError(f"The alert_targets of {where} have to be a list.")
    for each in given:
        yield _target(each, subject, kind, where)


def _target(given: object, subject: EventSubject, kind: AlertDocument, where: str) -> Target:
    if not isinstance(given, Mapping) or len(given) != 1:
        raise InvalidInputError(
            f"A target of {where} is a mapping with one name, such as code_location_target."
        )
    name, values = next(iter(given.items()))
    if name in NOT_OFFERED:
        raise InvalidInputError(f"{name} of {where} is not offered: {NOT_OFFERED[name]}.")
    form = FORMS.get(name)
    if form is None or (form.is_own and kind is AlertDocument.OFFICIAL):
        known = [each for each, of in FORMS.items() if kind is AlertDocument.OWN or not of.is_own]
        raise InvalidInputError(
            f"{name!r} of {where} is not a target. Targets are: {', '.join(known)}."
        )
    if form.subject is not subject:
        raise InvalidInputError(
            f"{name} of {where} is about {form.subject.value}, and its events are about "
            f"{subject.value}."
        )
    place = f"{name} of {where}"
    checked = fields.checked_target(values, form, place)
    target = made(name, checked)
    is_long = isinstance(target, RunTarget) and target.longer_than is not None
    if is_long and target.longer_than <= 0:  # type: ignore[union-attr,operator]
        raise InvalidInputError(f"The threshold_seconds of {place} have to be more than 0.")
    return target


def _options(
    entry: Mapping[str, Any], subject: EventSubject, kind: AlertDocument, where: str
) -> AlertOptions:
    given = entry.get("policy_options")
    if given is None:
        return AlertOptions()
    place = f"policy_options of {where}"
    if not isinstance(given, Mapping):
        raise InvalidInputError(f"The {place} have to be a mapping.")
    known = frozenset(_OPTIONS) - (set() if kind is AlertDocument.OWN else {"late_minutes"})
    fields.require_known(given, known, place)
    for name, of in _OPTIONS.items():
        if given.get(name) is not None and of not in {None, subject}:
            raise InvalidInputError(f"{name} of {where} is for schedules and sensors only.")
    again = fields.number(given, "renotify_interval_minutes", place, 1, 60 * 24 * 31)
    if again is not None and subject not in _RENOTIFY:
        raise InvalidInputError(
            f"renotify_interval_minutes of {where} is for what lasts: agents, code locations, "
            "schedules and sensors."
        )
    late = fields.number(given, "late_minutes", place, LATE_SECONDS / 60.0, 60 * 24)
    return AlertOptions(
        failures_in_a_row=int(
            fields.number(given, "consecutive_failure_threshold", place, 1, 100) or 1
        ),
        includes_description=fields.flag(
            given, "include_description_in_notification", place, default=False
        ),
        again_after=None if again is None else again * 60.0,
        late_after=LATE_SECONDS if late is None else late * 60.0,
    )


def _named(value: object) -> str:
    if isinstance(value, Mapping):
        return f"a mapping with {', '.join(map(repr, sorted(map(str, value))[:5])) or 'nothing'}"
    return f"a {type(value).__name__}"
