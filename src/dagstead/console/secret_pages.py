"""Secrets: names and for whom they are, never a value; and how one is set."""

from __future__ import annotations

from starlette.responses import Response

from dagstead.console.calls import Completion, PageCall
from dagstead.console.links import Links
from dagstead.errors import ForbiddenError, InvalidInputError
from dagstead.plane.deployments import Deployment
from dagstead.plane.roles import Permission
from dagstead.plane.secrets import SecretKind, SecretTarget

_LINKS = Links()
_EVERYWHERE = "everywhere"

KINDS = {
    SecretKind.FULL: "full deployments",
    SecretKind.BRANCHES: "branch deployments",
    SecretKind.BRANCH: "this branch deployment",
    SecretKind.LOCAL: "people's machines",
}


def secrets(call: PageCall) -> Response:
    """Those of one deployment."""
    granted = call.control.deployments.granted(call.actor)
    found = call.chosen_deployment(granted)
    shown = call.control.secrets.shown(call.actor, found, call.services.secrets)
    names = sorted(call.control.locations.names(call.actor, found))
    return call.show(
        "secrets.html",
        title="Secrets",
        here="secrets",
        command=f"dagstead secret list --deployment {found.name}",
        deployments=granted,
        deployment=found,
        rows=[
            (each, sorted(KINDS[kind] for kind in each.listed.kinds), sorted(each.listed.locations))
            for each in shown
        ],
        kinds=KINDS,
        locations=[name for name in names if call.actor.sees_location(name)],
        may_set=_may_set(call, found),
        may_set_everywhere=call.actor.is_unlimited,
    )


def set_secret(call: PageCall) -> Completion:
    """Set one."""
    value = next(iter(call.form.get("value", ())), "")
    if not value:
        raise InvalidInputError("The value is empty. Nothing was set.")
    name = call.field("name")
    call.control.secrets.set(call.actor, name, value, _target(call))
    address = _LINKS.page("secrets", deployment=call.field("deployment"))
    return Completion(address, f"{name} is set. Code gets it when it is loaded or started next.")


def remove_secret(call: PageCall) -> Completion:
    """Remove one from the places that its row shows."""
    name = call.field("name")
    call.control.secrets.remove(call.actor, name, _target(call))
    address = _LINKS.page("secrets", deployment=call.field("deployment"))
    return Completion(address, f"{name} is removed. What runs keeps it until it ends.")


def _target(call: PageCall) -> SecretTarget:
    named = call.field("of") or call.field("deployment")
    return SecretTarget(
        kinds=frozenset(map(_kind, call.fields("kind"))) - {SecretKind.BRANCH},
        deployment=None if named == _EVERYWHERE else named,
        locations=frozenset(call.fields("location")),
    )


def _kind(text: str) -> SecretKind:
    try:
        return SecretKind(text)
    except ValueError as error:
        raise InvalidInputError(f"{text!r:.40} is no scope of a secret.") from error


def _may_set(call: PageCall, deployment: Deployment) -> bool:
    try:
        call.actor.require_change(deployment, "changing its secrets", Permission.SECRETS)
    except ForbiddenError:
        return False
    return True
