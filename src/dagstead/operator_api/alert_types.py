"""Alert policies in the types of the official clients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dagstead.control.alerts import ShownPolicy
from dagstead.plane.alert_policies import AlertService
from dagstead.plane.alert_targets import (
    AssetTarget,
    AutomationTarget,
    LocationTarget,
    NamedThing,
    QueueTarget,
    RunTarget,
    Target,
)

#: What official clients want a name for, where a policy names none.
_ANY_REPOSITORY = "__repository__"


def policy_fields(shown: ShownPolicy) -> Mapping[str, Any]:
    """The fields of a policy of the official document."""
    policy = shown.stored.policy
    options = policy.options
    given = shown.entry.get("policy_options") or {}
    return {
        "id": str(shown.stored.id),
        "name": policy.name,
        "description": policy.description,
        "tags": _tags(policy.tags) or None,
        "eventTypes": sorted(str(each) for each in policy.events),
        "notificationService": _service(policy.service, shown.entry["notification_service"]),
        "enabled": policy.is_enabled,
        "alertTargets": [
            _target(each) for each in policy.targets if not isinstance(each, QueueTarget)
        ],
        "policyOptions": {
            "consecutiveFailureThreshold": given.get("consecutive_failure_threshold"),
            "includeDescriptionInNotification": options.includes_description,
            "renotifyIntervalMinutes": (
                None if options.again_after is None else round(options.again_after / 60)
            ),
        },
    }


def _service(service: AlertService, entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """From the entry, which has masks where the reader may not see secrets."""
    given = entry[service.value]
    if service is AlertService.EMAIL:
        return {
            "__typename": "EmailAlertPolicyNotification",
            "emailAddresses": given["email_addresses"],
        }
    return {
        "__typename": "WebhookAlertPolicyNotification",
        "webhookUrl": given["webhook_url"],
        "bodyTemplate": "",
    }


def _target(target: Target) -> Mapping[str, Any]:
    match target:
        case RunTarget():
            return _run_target(target)
        case AutomationTarget():
            return {
                "__typename": "ScheduleSensorTarget",
                "codeLocationNames": sorted(target.locations),
                "types": sorted(target.kinds),
                "schedulesSensors": _named(target.named, "name"),
            }
        case LocationTarget():
            return {
                "__typename": "CodeLocationTarget",
                "codeLocationNames": sorted(target.locations),
            }
        case AssetTarget() if target.key is not None:
            return {"__typename": "AssetKeyTarget", "assetKey": {"path": list(target.key)}}
        case AssetTarget():
            return {
                "__typename": "AssetGroupTarget",
                "assetGroup": target.group,
                "locationName": target.location or "",
                "repoName": target.repository,
            }
        case QueueTarget():
            # The official document has none.
            raise TypeError


def _run_target(target: RunTarget) -> Mapping[str, Any]:
    shared = {
        "tags": _tags(target.tags),
        "codeLocationNames": sorted(target.locations),
        "jobs": _named(target.jobs, "jobName"),
    }
    if target.longer_than is None:
        return {"__typename": "RunResultTarget", **shared}
    return {
        "__typename": "LongRunningJobThresholdTarget",
        "thresholdSeconds": target.longer_than,
        **shared,
    }


def _named(things: Sequence[NamedThing], name: str) -> list[Mapping[str, Any]]:
    return [
        {
            "codeLocationName": each.location or "",
            "repositoryName": each.repository or _ANY_REPOSITORY,
            name: each.name,
        }
        for each in things
    ]


def _tags(tags: Mapping[str, str]) -> list[Mapping[str, str]]:
    return [{"key": key, "value": value} for key, value in tags.items()]
