"""Alert policies of a deployment, over HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dagstead.client.connection import Connection

_DELIVERY = "id policyId policy state createdAt dueAt sentAt tries error total test titles"
_SILENCE = "id policyId until note by createdAt"
_BOARD = (
    "query ($deliveries: Int) { result: alertBoard(deliveries: $deliveries) { policies { id name "
    "document description enabled eventTypes service destination "
    "firing { event title says since } silencedUntil "
    f"last {{ {_DELIVERY} }} }} unreadable {{ id name document says }} "
    f"silences {{ {_SILENCE} }} deliveries {{ {_DELIVERY} }} }} }}"
)
_DOCUMENT = "query ($kind: AlertDocumentKind!) { result: alertDocument(kind: $kind) }"
_ONE = f"query ($id: String!) {{ result: alertDelivery(id: $id) {{ {_DELIVERY} }} }}"
_SYNC = (
    "mutation ($kind: AlertDocumentKind!, $document: GenericScalar!) "
    "{ result: syncAlerts(kind: $kind, document: $document) }"
)
_TEST = f"mutation ($name: String!) {{ result: testAlert(name: $name) {{ {_DELIVERY} }} }}"
_SILENCE_ALERTS = (
    "mutation ($name: String, $until: Float!, $note: String) "
    f"{{ result: silenceAlerts(name: $name, until: $until, note: $note) {{ {_SILENCE} }} }}"
)
_END = "mutation ($id: Int!) { result: endAlertSilence(id: $id) }"


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedDelivery:
    """A message."""

    id: str
    policy: str
    #: ``waiting``, ``sent``, ``given up`` or ``muted``.
    state: str
    created_at: float
    due_at: float
    sent_at: float | None
    tries: int
    error: str | None
    total: int
    is_test: bool
    titles: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedAlert:
    """What fires."""

    event: str
    title: str
    says: str
    since: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedAlertPolicy:
    """A policy."""

    id: int
    name: str
    #: ``official`` or ``own``.
    document: str
    description: str
    is_enabled: bool
    events: tuple[str, ...]
    service: str
    destination: str
    firing: tuple[ListedAlert, ...]
    silenced_until: float | None
    last: ListedDelivery | None


@dataclass(frozen=True, kw_only=True, slots=True)
class BrokenAlertPolicy:
    """A policy that the control plane cannot read."""

    id: int
    name: str
    #: ``official`` or ``own``.
    document: str
    #: Why, and what to do.
    says: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedSilence:
    """A silence."""

    id: int
    policy_id: int | None
    until: float
    note: str | None
    by: str


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertBoard:
    """Everything about the alerts of a deployment."""

    policies: tuple[ListedAlertPolicy, ...]
    unreadable: tuple[BrokenAlertPolicy, ...]
    silences: tuple[ListedSilence, ...]
    deliveries: tuple[ListedDelivery, ...]


@dataclass(frozen=True, slots=True)
class Alerts:
    """Acts on alert policies, and views. Each method raises what :class:`Connection` does."""

    connection: Connection

    def board(self, deliveries: int) -> AlertBoard:
        """Everything, with so many messages."""
        found = self.connection.graphql(_BOARD, deliveries=deliveries)["result"]
        return AlertBoard(
            policies=tuple(map(_policy, found["policies"])),
            unreadable=tuple(BrokenAlertPolicy(**each) for each in found["unreadable"]),
            silences=tuple(map(_silence, found["silences"])),
            deliveries=tuple(map(_delivery, found["deliveries"])),
        )

    def document(self, kind: str) -> Sequence[Mapping[str, Any]]:
        """One of the two documents."""
        found: Sequence[Mapping[str, Any]] = self.connection.graphql(_DOCUMENT, kind=kind)["result"]
        return found

    def delivery(self, delivery_id: str) -> ListedDelivery:
        """One message."""
        return _delivery(self.connection.graphql(_ONE, id=delivery_id)["result"])

    def sync(self, kind: str, document: object) -> list[str]:
        """Replace one of the two documents; the names of its policies."""
        return list(self.connection.graphql(_SYNC, kind=kind, document=document)["result"])

    def test(self, name: str) -> ListedDelivery:
        """Have a message sent that tries a policy."""
        return _delivery(self.connection.graphql(_TEST, name=name)["result"])

    def silence(self, name: str | None, until: float, note: str | None) -> ListedSilence:
        """Have nothing sent for a time."""
        found = self.connection.graphql(_SILENCE_ALERTS, name=name, until=until, note=note)
        return _silence(found["result"])

    def end_silence(self, silence_id: int) -> None:
        """End a silence."""
        self.connection.graphql(_END, id=silence_id)


def _policy(found: Mapping[str, Any]) -> ListedAlertPolicy:
    last = found["last"]
    return ListedAlertPolicy(
        id=found["id"],
        name=found["name"],
        document=found["document"],
        description=found["description"],
        is_enabled=found["enabled"],
        events=tuple(found["eventTypes"]),
        service=found["service"],
        destination=found["destination"],
        firing=tuple(ListedAlert(**each) for each in found["firing"]),
        silenced_until=found["silencedUntil"],
        last=None if last is None else _delivery(last),
    )


def _silence(found: Mapping[str, Any]) -> ListedSilence:
    return ListedSilence(
        id=found["id"],
        policy_id=found["policyId"],
        until=found["until"],
        note=found["note"],
        by=found["by"],
    )


def _delivery(found: Mapping[str, Any]) -> ListedDelivery:
    return ListedDelivery(
        id=found["id"],
        policy=found["policy"],
        state=found["state"],
        created_at=found["createdAt"],
        due_at=found["dueAt"],
        sent_at=found["sentAt"],
        tries=found["tries"],
        error=found["error"],
        total=found["total"],
        is_test=found["test"],
        titles=tuple(found["titles"]),
    )
