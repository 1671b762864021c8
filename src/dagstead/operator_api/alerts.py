"""Alert policies, for the official clients and for `dagstead alerts`.

The typed fields of the official clients have the policies of the official document only: what ours
has beside has no types there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from graphql import GraphQLResolveInfo

from dagstead.control.alerts import ShownPolicy
from dagstead.operator_api import alert_notifications
from dagstead.operator_api.alert_types import policy_fields
from dagstead.operator_api.context import context_of
from dagstead.operator_api.extension import Resolver
from dagstead.operator_api.refusals import as_error, as_member
from dagstead.plane.alert_deliveries import AlertDelivery
from dagstead.plane.alert_documents import OFFICIAL_KEY
from dagstead.plane.alert_policies import AlertDocument
from dagstead.plane.alert_states import Silence
from dagstead.plane.alert_targets import RunTarget

_DELIVERIES = 50
_MOST = 500
#: The newest messages of a deployment, in which those about a run are looked for.
_LOOKED_AT = 500


@as_member("UnauthorizedError")
def document_or_error(info: GraphQLResolveInfo) -> Mapping[str, Any]:
    """The official document."""
    context = context_of(info)
    entries = context.control.alerts.document(
        context.actor, context.deployment, AlertDocument.OFFICIAL
    )
    return {
        "__typename": "AlertPoliciesAsDocument",
        "document": {OFFICIAL_KEY: [dict(each) for each in entries]},
    }


@as_error
def policies(info: GraphQLResolveInfo) -> Sequence[Mapping[str, Any]]:
    """The policies of the official document."""
    return [policy_fields(each) for each in _official(info)]


@as_error
def policy_by_id(
    info: GraphQLResolveInfo,
    alertPolicyId: str,  # noqa: N803 - the wire's
) -> Mapping[str, Any] | None:
    """One of them."""
    found = (each for each in _official(info) if str(each.stored.id) == alertPolicyId)
    return next(map(policy_fields, found), None)


@as_error
def policies_for_job(
    info: GraphQLResolveInfo,
    jobName: str,  # noqa: N803 - the wire's
    repositoryName: str,  # noqa: N803 - the wire's
    repositoryLocationName: str,  # noqa: N803 - the wire's
) -> Sequence[Mapping[str, Any]]:
    """Those that may be about the runs of a job."""
    return [
        policy_fields(each)
        for each in _official(info)
        if any(
            isinstance(target, RunTarget)
            and any(
                one.fits(jobName, repositoryLocationName, repositoryName) for one in target.jobs
            )
            for target in each.stored.policy.targets
        )
    ]


@as_error
def notifications(
    info: GraphQLResolveInfo,
    alertPolicyId: str,  # noqa: N803 - the wire's
    limit: int,
    cursor: str | None = None,
) -> Mapping[str, Any]:
    """What was sent for one policy, the newest first."""
    context = context_of(info)
    number = int(alertPolicyId) if alertPolicyId.isdecimal() else -1
    wanted = max(1, min(limit, _MOST))
    found = context.control.alerts.deliveries(
        context.actor, context.deployment, wanted + 1, [number], cursor or None
    )
    shown = found[:wanted]
    return {
        "results": [alert_notifications.of_delivery(each) for each in shown if each.is_tried],
        "cursor": shown[-1].id if shown else None,
        "hasMore": len(found) > wanted,
    }


@as_error
def run_notifications(
    info: GraphQLResolveInfo,
    runId: str,  # noqa: N803 - the wire's
    limit: int | None = None,
) -> Mapping[str, Any]:
    """What was sent about one run."""
    context = context_of(info)
    every = context.control.alerts.deliveries(context.actor, context.deployment, _LOOKED_AT)
    official = {each.stored.id: each for each in _official(info)}
    found = [
        (each, item)
        for each in every
        if each.policy_id in official and each.is_tried
        for item in each.items
        if item.run_id == runId
    ][: _MOST if limit is None else max(0, limit)]
    numbers = dict.fromkeys(each.policy_id for each, _ in found)
    return {
        "__typename": "RunNotifications",
        "notifications": [alert_notifications.of_item(each, item) for each, item in found],
        "alertPolicies": [policy_fields(official[number]) for number in numbers],
    }


@as_member("UnauthorizedError", "InvalidAlertPolicyError")
def reconcile(info: GraphQLResolveInfo, document: object) -> Mapping[str, Any]:
    """Replace the official document."""
    context = context_of(info)
    context.control.alerts.sync(context.actor, context.deployment, AlertDocument.OFFICIAL, document)
    return {
        "__typename": "ReconcileAlertPoliciesSuccess",
        "alertPolicies": [policy_fields(each) for each in _official(info)],
    }


@as_member("UnauthorizedError", "InvalidAlertPolicyError")
def create_or_update(info: GraphQLResolveInfo, document: object) -> Mapping[str, Any]:
    """Make or change one policy of the official document."""
    context = context_of(info)
    stored = context.control.alerts.put(context.actor, context.deployment, document)
    shown = next(each for each in _official(info) if each.stored.id == stored.id)
    return {"__typename": "AlertPolicy", **policy_fields(shown)}


@as_member("UnauthorizedError")
def delete(
    info: GraphQLResolveInfo,
    alertPolicyName: str,  # noqa: N803 - the wire's
) -> Mapping[str, Any]:
    """Remove one policy of the official document."""
    context = context_of(info)
    context.control.alerts.remove(context.actor, context.deployment, alertPolicyName)
    return {"__typename": "DeleteAlertPolicySuccess", "alertPolicyName": alertPolicyName}


@as_error
def board(info: GraphQLResolveInfo, deliveries: int | None = None) -> Mapping[str, Any]:
    """Everything about the alerts of a deployment."""
    context = context_of(info)
    alerts, actor, deployment = context.control.alerts, context.actor, context.deployment
    limit = _DELIVERIES if deliveries is None else max(0, min(deliveries, _MOST))
    return {
        "policies": [_shown(each) for each in alerts.policies(actor, deployment)],
        "unreadable": [
            {
                "id": each.id,
                "name": each.name,
                "document": str(each.document),
                "says": each.says,
            }
            for each in alerts.unreadable(actor, deployment)
        ],
        "silences": [_silence(each) for each in alerts.silences(actor, deployment)],
        "deliveries": [_delivery(each) for each in alerts.deliveries(actor, deployment, limit)],
        "mayChange": alerts.may_change(actor, deployment),
    }


@as_error
def document(info: GraphQLResolveInfo, kind: str) -> Sequence[Mapping[str, Any]]:
    """One of the two documents."""
    context = context_of(info)
    entries = context.control.alerts.document(
        context.actor, context.deployment, AlertDocument(kind)
    )
    return [dict(each) for each in entries]


@as_error
def delivery(info: GraphQLResolveInfo, id: str) -> Mapping[str, Any]:  # noqa: A002 - the wire's
    """One message."""
    context = context_of(info)
    return _delivery(context.control.alerts.delivery(context.actor, context.deployment, id))


@as_error
def sync(info: GraphQLResolveInfo, kind: str, document: object) -> Sequence[str]:
    """Replace one of the two documents."""
    context = context_of(info)
    return context.control.alerts.sync(
        context.actor, context.deployment, AlertDocument(kind), document
    )


@as_error
def send_test(info: GraphQLResolveInfo, name: str) -> Mapping[str, Any]:
    """Have a message sent that tries a policy."""
    context = context_of(info)
    alerts, actor = context.control.alerts, context.actor
    made = alerts.test(actor, context.deployment, name)
    return _delivery(alerts.delivery(actor, context.deployment, made))


@as_error
def silence(
    info: GraphQLResolveInfo, until: float, name: str | None = None, note: str | None = None
) -> Mapping[str, Any]:
    """Have nothing sent for a time."""
    context = context_of(info)
    return _silence(
        context.control.alerts.silence(context.actor, context.deployment, name, until, note)
    )


@as_error
def end_silence(info: GraphQLResolveInfo, id: int) -> bool:  # noqa: A002 - the wire's
    """End a silence."""
    context = context_of(info)
    context.control.alerts.end_silence(context.actor, context.deployment, id)
    return True


QUERIES: Mapping[str, Resolver] = {
    "alertBoard": board,
    "alertDelivery": delivery,
    "alertDocument": document,
    "alertPolicies": policies,
    "alertPoliciesAsDocumentOrError": document_or_error,
    "alertPoliciesForJob": policies_for_job,
    "alertPolicyById": policy_by_id,
    "alertPolicyNotifications": notifications,
    "runNotificationsOrError": run_notifications,
}
MUTATIONS: Mapping[str, Resolver] = {
    "createOrUpdateAlertPolicyFromDocument": create_or_update,
    "deleteAlertPolicy": delete,
    "endAlertSilence": end_silence,
    "reconcileAlertPoliciesFromDocument": reconcile,
    "silenceAlerts": silence,
    "syncAlerts": sync,
    "testAlert": send_test,
}


def _official(info: GraphQLResolveInfo) -> list[ShownPolicy]:
    context = context_of(info)
    every = context.control.alerts.policies(context.actor, context.deployment)
    return [each for each in every if each.stored.document is AlertDocument.OFFICIAL]


def _shown(shown: ShownPolicy) -> Mapping[str, Any]:
    stored, policy = shown.stored, shown.stored.policy
    return {
        "id": stored.id,
        "name": policy.name,
        "document": str(stored.document),
        "description": policy.description,
        "enabled": policy.is_enabled,
        "eventTypes": sorted(policy.events),
        "service": str(policy.service),
        "destination": policy.destination,
        "firing": [
            {"event": each.event, "title": each.title, "says": each.says, "since": each.at}
            for each in shown.firing
        ],
        "silencedUntil": None if shown.silence is None else shown.silence.until,
        "last": None if shown.last is None else _delivery(shown.last),
    }


def _silence(silence: Silence) -> Mapping[str, Any]:
    return {
        "id": silence.id,
        "policyId": silence.policy_id,
        "until": silence.until,
        "note": silence.note,
        "by": silence.by,
        "createdAt": silence.created_at,
    }


def _delivery(delivery: AlertDelivery) -> Mapping[str, Any]:
    return {
        "id": delivery.id,
        "policyId": delivery.policy_id,
        "policy": delivery.policy,
        "state": str(delivery.state),
        "createdAt": delivery.created_at,
        "dueAt": delivery.due_at,
        "sentAt": delivery.sent_at,
        "tries": delivery.tries,
        "error": delivery.error,
        "total": delivery.total,
        "test": delivery.is_test,
        "titles": [each.title for each in delivery.items],
    }
