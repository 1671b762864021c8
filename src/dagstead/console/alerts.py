"""Alerts: which are sent where, what fires now, what was sent, and silences."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response

from dagstead.console.calls import Completion, PageCall
from dagstead.console.links import Links
from dagstead.console.states import of_alert_policy, of_delivery
from dagstead.control.alerts import ShownPolicy
from dagstead.errors import InvalidInputError
from dagstead.plane.alert_policies import AlertDocument
from dagstead.plane.alert_states import FiringAlert
from dagstead.plane.deployments import Deployment
from dagstead.plane.queue_words import read_until

_LINKS = Links()
_DELIVERIES = 20
#: Of more alerts that fire, the others are counted.
_FIRING = 50


def alerts(call: PageCall) -> Response:
    """Those of one deployment."""
    granted = call.control.deployments.granted(call.actor)
    found = call.chosen_deployment(granted)
    shown = call.control.alerts.policies(call.actor, found)
    unreadable = call.control.alerts.unreadable(call.actor, found)
    names = {each.stored.id: each.stored.policy.name for each in shown}
    names |= {each.id: each.name for each in unreadable}
    sent = call.control.alerts.deliveries(call.actor, found, _DELIVERIES)
    firing = _firing(shown)
    return call.show(
        "alerts.html",
        title="Alerts",
        here="alerts",
        command=f"dagstead alerts list --deployment {found.name}",
        deployments=granted,
        deployment=found,
        rows=[(each, of_alert_policy(each)) for each in shown],
        unreadable=unreadable,
        firing=firing[:_FIRING],
        more_firing=max(0, len(firing) - _FIRING),
        deliveries=[(each, of_delivery(each)) for each in sent],
        silences=[
            (each, None if each.policy_id is None else names.get(each.policy_id))
            for each in call.control.alerts.silences(call.actor, found)
        ],
        may_change=call.control.alerts.may_change(call.actor, found),
    )


def try_policy(call: PageCall) -> Completion:
    """Send a message that only tries a policy."""
    name = call.field("policy")
    document = _document(call.field("document"))
    call.control.alerts.test(call.actor, _deployment(call), name, document)
    return _back(call, f"A message that tries {name} is on its way. Its row shows how it goes.")


def silence(call: PageCall) -> Completion:
    """Have nothing sent for a time."""
    until = read_until(call.field("until"), call.now)
    if until is None:
        raise InvalidInputError("Until when? Write a length of time or a time, such as 2h.")
    name = call.field("policy") or None
    call.control.alerts.silence(
        call.actor, _deployment(call), name, until, call.field("note") or None
    )
    which = "All alerts" if name is None else f"Alerts of {name}"
    return _back(call, f"{which} are silent. What still fires when that is over is sent then.")


def end_silence(call: PageCall) -> Completion:
    """Have them sent again."""
    call.control.alerts.end_silence(call.actor, _deployment(call), call.number("silence"))
    return _back(call, "Alerts are sent again.")


def _deployment(call: PageCall) -> Deployment:
    return call.deployment(call.field("deployment"))


def _document(given: str) -> AlertDocument:
    try:
        return AlertDocument(given)
    except ValueError as error:
        raise InvalidInputError(f"There is no document {given!r} of alert policies.") from error


def _back(call: PageCall, note: str) -> Completion:
    return Completion(_LINKS.page("alerts", deployment=call.field("deployment")), note)


def _firing(shown: Sequence[ShownPolicy]) -> list[tuple[FiringAlert, list[str]]]:
    """What fires, once, with the names of the policies that it fires for; the newest first."""
    found: dict[str, tuple[FiringAlert, list[str]]] = {}
    for policy in shown:
        for alert in policy.firing:
            found.setdefault(alert.key, (alert, []))[1].append(policy.stored.policy.name)
    return sorted(found.values(), key=lambda each: -each[0].seen_at)
