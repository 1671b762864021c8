"""Deployments: those that stay, and those of branches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import yaml
from starlette.responses import Response

from dagstead.console.calls import Completion, PageCall
from dagstead.console.links import Links
from dagstead.console.settings_form import changed, groups_of
from dagstead.console.states import Look, of_location, of_release
from dagstead.errors import ForbiddenError, InvalidInputError
from dagstead.plane.artifacts import web_address
from dagstead.plane.roles import Permission

_LINKS = Links()
_RELEASES = 5


def deployments(call: PageCall) -> Response:
    """All of them."""
    granted = call.control.deployments.granted(call.actor)
    placed = call.control.overview.locations(call.actor)
    wrong = Counter(
        each.deployment.name
        for each in placed
        if of_location(each.status, call.now).look in {Look.WRONG, Look.ATTENTION}
    )
    counted = Counter(each.deployment.name for each in placed)
    branches = [each for each in granted if each.is_branch]
    branches.sort(key=lambda each: (each.closed, -each.created_at))
    return call.show(
        "deployments.html",
        title="Deployments",
        here="deployments",
        command="dagstead deployment list",
        full=[each for each in granted if not each.is_branch],
        branches=[
            (each, web_address(each.branch.pull_request_url if each.branch else None))
            for each in branches
        ],
        counted=counted,
        wrong=wrong,
        may_create=call.actor.is_unlimited,
    )


def create(call: PageCall) -> Completion:
    """Make a full one."""
    made = call.control.deployments.create(call.actor, call.field("name"))
    return Completion(_LINKS.deployment(made.name), f"Deployment {made.name} is there, and empty.")


def deployment(call: PageCall) -> Response:
    """One of them."""
    found = call.deployment(call.path("deployment"))
    actor = call.actor
    placed = call.control.overview.locations(actor, [found.name])
    lines = call.control.overview.releases(actor, [found.name], _RELEASES)
    try:
        text: str | None = _as_yaml(call.control.deployments.settings(actor, found))
    except ForbiddenError:
        text = None
    return call.show(
        "deployment.html",
        title=found.name,
        here="deployments",
        command=f"dagstead deployment settings {found.name}",
        deployment=found,
        pull_request=web_address(found.branch.pull_request_url if found.branch else None),
        commit_url=web_address(found.branch.commit_url if found.branch else None),
        placed=[(each, of_location(each.status, call.now)) for each in placed],
        releases=[(line, of_release(line.state)) for line in lines],
        settings=text,
        may_configure=_may(call, Permission.CONFIGURE),
        may_delete=_may(call, Permission.BRANCH) if found.is_branch else actor.is_unlimited,
    )


def settings(call: PageCall) -> Response:
    """Its settings, as a form and as YAML."""
    found = call.deployment(call.path("deployment"))
    stored = call.control.deployments.settings(call.actor, found)
    return call.show(
        "settings.html",
        title="Settings",
        here="deployments",
        is_live=False,
        command=f"dagstead deployment settings {found.name}",
        deployment=found,
        groups=groups_of(stored, call),
        settings=_as_yaml(stored),
        given=call.form.get("settings", [None])[0],
        may_configure=_may(call, Permission.CONFIGURE),
    )


def set_fields(call: PageCall) -> Completion:
    """Change the settings whose fields were changed."""
    found = call.deployment(call.path("deployment"))
    stored = call.control.deployments.settings(call.actor, found)
    wanted = changed(stored, call)
    if wanted == stored:
        return Completion(_LINKS.settings(found.name), "Nothing was changed.")
    call.control.deployments.set_settings(call.actor, found, wanted)
    return Completion(_LINKS.settings(found.name), "The settings are in force.")


def set_settings(call: PageCall) -> Completion:
    """Replace its settings."""
    found = call.deployment(call.path("deployment"))
    try:
        given = yaml.safe_load(next(iter(call.form.get("settings", ())), "")) or {}
    except yaml.YAMLError as error:
        place = getattr(error, "problem_mark", None)
        where = "" if place is None else f" in line {place.line + 1}"
        raise InvalidInputError(f"This is not YAML{where}. Nothing was changed.") from error
    if not isinstance(given, dict):
        raise InvalidInputError("Settings are a mapping of names to values. Nothing was changed.")
    call.control.deployments.set_settings(call.actor, found, given)
    return Completion(_LINKS.settings(found.name), "The settings are in force.")


def delete(call: PageCall) -> Completion:
    """Remove it with all that is in it."""
    found = call.deployment(call.path("deployment"))
    if call.field("typed") != found.name:
        raise InvalidInputError(
            f"Type the name of the deployment, {found.name!r}, to confirm that it is removed."
        )
    gone = call.control.deployments.delete(call.actor, found)
    runs = f" {len(gone.ended)} runs were ended." if gone.ended else ""
    left = f" {len(gone.left)} went on, and are refused from now on." if gone.left else ""
    return Completion(_LINKS.page("deployments"), f"Deployment {found.name} is gone.{runs}{left}")


def _as_yaml(settings: Mapping[str, Any]) -> str:
    if not settings:
        return ""
    text: str = yaml.safe_dump(dict(settings), sort_keys=False, allow_unicode=True)
    return text


def _may(call: PageCall, permission: Permission) -> bool:
    found = call.deployment(call.path("deployment"))
    try:
        call.actor.require_change(found, "This", permission)
    except ForbiddenError:
        return False
    return True
