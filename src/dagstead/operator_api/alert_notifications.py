"""Messages about alerts in the types of the official clients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dagstead.plane.alert_deliveries import AlertDelivery, DeliveryItem, DeliveryState
from dagstead.plane.alert_events import SUBJECTS, AlertEvent, EventSubject

_STATUSES = {
    DeliveryState.SENT: "SUCCESS",
    DeliveryState.MUTED: "MUTED",
    DeliveryState.GIVEN_UP: "FAILURE",
    # It was tried, and is tried again.
    DeliveryState.WAITING: "FAILURE",
}


def of_delivery(delivery: AlertDelivery) -> Mapping[str, Any]:
    """A message: what it is about is its first alert."""
    return of_item(delivery, delivery.items[0])


def of_item(delivery: AlertDelivery, item: DeliveryItem) -> Mapping[str, Any]:
    """One alert of a message."""
    shared = {
        "id": delivery.id,
        "status": _STATUSES[delivery.state],
        "sendTimestamp": delivery.sent_at or delivery.created_at,
        "errorMessage": delivery.error,
        "alertPolicyId": str(delivery.policy_id),
    }
    event = _official(item)
    match None if event is None else SUBJECTS[event]:
        case EventSubject.RUNS:
            return {
                **_typed("JobRunAlertNotification", shared),
                "jobName": item.job or "",
                "codeLocationName": item.location or "",
                "repositoryName": item.repository or "",
                "eventType": event,
                "runId": item.run_id,
            }
        case EventSubject.ASSETS:
            return {
                **_typed("AssetAlertNotification", shared),
                "runId": item.run_id,
                "assetsEvents": [
                    {"assetKey": {"path": each.split("/")}, "eventType": event}
                    for each in item.assets
                ],
            }
        case EventSubject.TICKS:
            tick = {
                "instigatorName": item.automation or "",
                "repositoryName": item.repository or "",
                "codeLocationName": item.location or "",
                "eventType": event,
            }
            return {**_typed("TickAlertNotification", shared), "instigatorEvents": [tick]}
        case EventSubject.LOCATIONS:
            return {
                **_typed("CodeLocationAlertNotification", shared),
                "codeLocationName": item.location or "",
                "failureMessage": item.says,
            }
        case _:
            # Also a test, which has no type of its own.
            return _typed("AgentAlertNotification", shared)


def _typed(name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    return {"__typename": name, **fields}


def _official(item: DeliveryItem) -> AlertEvent | None:
    return AlertEvent(item.event).official if item.event in list(AlertEvent) else None
