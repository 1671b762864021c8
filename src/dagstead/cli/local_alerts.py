"""Alert policies of a deployment in the control plane's own folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dagstead.client.alerts import (
    AlertBoard,
    BrokenAlertPolicy,
    ListedAlert,
    ListedAlertPolicy,
    ListedDelivery,
    ListedSilence,
)
from dagstead.control.actor import COMMAND_LINE
from dagstead.control.alerts import ShownPolicy
from dagstead.control.all import Control
from dagstead.plane.alert_deliveries import AlertDelivery
from dagstead.plane.alert_policies import AlertDocument
from dagstead.plane.alert_states import Silence
from dagstead.plane.deployments import Deployment


@dataclass(frozen=True, slots=True)
class LocalAlerts:
    """Does directly what :class:`dagstead.client.alerts.Alerts` does over HTTP."""

    _control: Control
    _deployment: Deployment

    def board(self, deliveries: int) -> AlertBoard:
        """Everything, with so many messages."""
        alerts = self._control.alerts
        found = alerts.deliveries(COMMAND_LINE, self._deployment, deliveries)
        return AlertBoard(
            policies=tuple(map(_policy, alerts.policies(COMMAND_LINE, self._deployment))),
            unreadable=tuple(
                BrokenAlertPolicy(
                    id=each.id, name=each.name, document=str(each.document), says=each.says
                )
                for each in alerts.unreadable(COMMAND_LINE, self._deployment)
            ),
            silences=tuple(map(_silence, alerts.silences(COMMAND_LINE, self._deployment))),
            deliveries=tuple(map(_delivery, found)),
        )

    def document(self, kind: str) -> Sequence[Mapping[str, Any]]:
        """One of the two documents."""
        return self._control.alerts.document(COMMAND_LINE, self._deployment, AlertDocument(kind))

    def delivery(self, delivery_id: str) -> ListedDelivery:
        """One message."""
        return _delivery(self._control.alerts.delivery(COMMAND_LINE, self._deployment, delivery_id))

    def sync(self, kind: str, document: object) -> list[str]:
        """Replace one of the two documents; the names of its policies."""
        return self._control.alerts.sync(
            COMMAND_LINE, self._deployment, AlertDocument(kind), document
        )

    def test(self, name: str) -> ListedDelivery:
        """Have a message sent that tries a policy."""
        return self.delivery(self._control.alerts.test(COMMAND_LINE, self._deployment, name))

    def silence(self, name: str | None, until: float, note: str | None) -> ListedSilence:
        """Have nothing sent for a time."""
        return _silence(
            self._control.alerts.silence(COMMAND_LINE, self._deployment, name, until, note)
        )

    def end_silence(self, silence_id: int) -> None:
        """End a silence."""
        self._control.alerts.end_silence(COMMAND_LINE, self._deployment, silence_id)


def _policy(shown: ShownPolicy) -> ListedAlertPolicy:
    stored, policy = shown.stored, shown.stored.policy
    return ListedAlertPolicy(
        id=stored.id,
        name=policy.name,
        document=str(stored.document),
        description=policy.description,
        is_enabled=policy.is_enabled,
        events=tuple(sorted(policy.events)),
        service=str(policy.service),
        destination=policy.destination,
        firing=tuple(
            ListedAlert(event=each.event, title=each.title, says=each.says, since=each.at)
            for each in shown.firing
        ),
        silenced_until=None if shown.silence is None else shown.silence.until,
        last=None if shown.last is None else _delivery(shown.last),
    )


def _silence(found: Silence) -> ListedSilence:
    return ListedSilence(
        id=found.id,
        policy_id=found.policy_id,
        until=found.until,
        note=found.note,
        by=found.by,
    )


def _delivery(found: AlertDelivery) -> ListedDelivery:
    return ListedDelivery(
        id=found.id,
        policy=found.policy,
        state=str(found.state),
        created_at=found.created_at,
        due_at=found.due_at,
        sent_at=found.sent_at,
        tries=found.tries,
        error=found.error,
        total=found.total,
        is_test=found.is_test,
        titles=tuple(each.title for each in found.items),
    )
