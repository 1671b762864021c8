"""Alert policies: which events, of what, are sent where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlsplit

from dagstead.plane.alert_events import SUBJECTS, AlertEvent, EventSubject
from dagstead.plane.alert_targets import RunTarget, Target
from dagstead.plane.late_schedules import LATE_SECONDS
from dagstead.plane.masking import MASK


class AlertDocument(StrEnum):
    """A deployment has two documents of alert policies."""

    #: What the official clients list and sync.
    OFFICIAL = "official"
    #: What only we have: a sync of the other one leaves it as it is.
    OWN = "own"


class AlertService(StrEnum):
    """A way to send alerts, by its name in a document."""

    EMAIL = "email"
    WEBHOOK = "webhook"
    #: Only in our own document.
    SLACK_WEBHOOK = "slack_webhook"
    APPRISE = "apprise"

    @property
    def is_own(self) -> bool:
        """Whether only our own document may name it."""
        return self in {AlertService.SLACK_WEBHOOK, AlertService.APPRISE}


#: What in a service is as good as a password, by service.
SECRET_FIELDS: Final[Mapping[AlertService, tuple[str, ...]]] = {
    AlertService.EMAIL: (),
    AlertService.WEBHOOK: ("webhook_url", "headers", "secret"),
    AlertService.SLACK_WEBHOOK: ("url",),
    AlertService.APPRISE: ("url",),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertOptions:
    """How a policy alerts."""

    #: So many ticks have to fail in a row.
    failures_in_a_row: int = 1
    #: Whether messages have the description of the policy.
    includes_description: bool = False
    #: After how many seconds it is sent again, while it lasts.
    again_after: float | None = None
    #: After how many seconds a schedule is late. Only in our own document.
    late_after: float = LATE_SECONDS


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertPolicy:
    """One policy, as its document says."""

    name: str
    events: frozenset[AlertEvent]
    service: AlertService
    #: Where it is sent, as the document has it. It may hold secrets.
    send_to: Mapping[str, Any] = field(repr=False)
    description: str = ""
    is_enabled: bool = True
    #: Alerts of one of them are sent; with none, those of everything.
    targets: tuple[Target, ...] = ()
    #: Of runs, beside what targets say.
    tags: Mapping[str, str] = field(default_factory=dict)
    options: AlertOptions = field(default_factory=AlertOptions)

    @property
    def subject(self) -> EventSubject:
        """What it is about."""
        return SUBJECTS[min(self.events)]

    @property
    def shortest_long_run(self) -> float | None:
        """After how many seconds runs count as long, at the least."""
        found = [
            each.longer_than
            for each in self.targets
            if isinstance(each, RunTarget) and each.longer_than is not None
        ]
        return min(found, default=None) if AlertEvent.JOB_LONG_RUNNING in self.events else None

    @property
    def destination(self) -> str:
        """Where it is sent, without what is as good as a password."""
        match self.service:
            case AlertService.EMAIL:
                return ", ".join(self.send_to["email_addresses"])
            case AlertService.WEBHOOK:
                return masked_address(self.send_to["webhook_url"])
            case AlertService.SLACK_WEBHOOK:
                return masked_address(self.send_to["url"])
            case AlertService.APPRISE:
                return f"{str(self.send_to['url']).partition(':')[0]}://{MASK}"


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredPolicy:
    """A policy with its place, and the entry of the document that it was read from."""

    id: int
    deployment: str
    document: AlertDocument
    policy: AlertPolicy
    entry: Mapping[str, Any] = field(repr=False)
    created_at: float
    updated_at: float
    updated_by: str


@dataclass(frozen=True, kw_only=True, slots=True)
class UnreadablePolicy:
    """A policy that is stored, and that this process cannot read: nothing is sent for it."""

    id: int
    deployment: str
    document: AlertDocument
    name: str
    #: Why, as a sentence without secrets.
    reason: str
    #: When it was stored last.
    updated_at: float

    @property
    def says(self) -> str:
        """What happened, and what to do."""
        official = " --official" if self.document is AlertDocument.OFFICIAL else ""
        return (
            f"Alert policy {self.name} of {self.deployment} cannot be read: {self.reason} "
            "Nothing is sent for it meanwhile; sync it again with `dagstead alerts sync "
            f"FILE{official} --deployment {self.deployment}`."
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredPolicies:
    """The policies of some deployments, in the order of their documents."""

    readable: Sequence[StoredPolicy] = ()
    unreadable: Sequence[UnreadablePolicy] = ()

    @property
    def numbers(self) -> frozenset[int]:
        """Of all of them."""
        readable = {each.id for each in self.readable}
        return frozenset(readable | {each.id for each in self.unreadable})


def masked_address(address: str) -> str:
    """An address of a page, with its host alone: whoever knows the rest can post there."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.hostname or '?'}/{MASK}"


def masked_entry(stored: StoredPolicy) -> dict[str, Any]:
    """The entry of a policy as those see it who may not change it."""
    entry = dict(stored.entry)
    secret = SECRET_FIELDS[stored.policy.service]
    service = stored.policy.service.value
    given = entry["notification_service"][service]
    entry["notification_service"] = {
        service: {
            name: _masked(value) if name in secret else value for name, value in given.items()
        }
    }
    return entry


def _masked(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict.fromkeys(value, MASK)
    return masked_address(value) if "://" in str(value) else MASK
