"""Releases: the list, one with what it changed, and how it is undone."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.responses import Response

from dagstead.console.calls import Completion, PageCall
from dagstead.console.links import Links
from dagstead.console.locations import chosen_names
from dagstead.console.states import of_change, of_part, of_release
from dagstead.control.releases import RollbackGoal
from dagstead.errors import ConflictError, ForbiddenError, InvalidInputError
from dagstead.plane.artifacts import web_address
from dagstead.plane.deployments import Deployment
from dagstead.plane.load_errors import read_load_error
from dagstead.plane.release_changes import ChangeKind
from dagstead.plane.releases import Release
from dagstead.plane.roles import Permission
from dagstead.plane.rollbacks import Rollback

_LINKS = Links()
_PAGE = 50


def releases(call: PageCall) -> Response:
    """All of them."""
    names, granted = chosen_names(call)
    below = _number(call.query("below"))
    lines = call.control.overview.releases(call.actor, names, _PAGE + 1, below)
    shown = lines[:_PAGE]
    older = shown[-1].created_at if len(lines) > _PAGE else None
    return call.show(
        "releases.html",
        title="Releases",
        here="releases",
        command="dagstead release list",
        rows=[(line, of_release(line.state), web_address(line.url)) for line in shown],
        deployments=granted,
        chosen=call.query("deployment"),
        older=None
        if older is None
        else _LINKS.page("releases", deployment=call.query("deployment"), below=older),
        is_first=below is None,
    )


def release(call: PageCall) -> Response:
    """One of them."""
    deployment = call.deployment(call.path("deployment"))
    number = call.number("number")
    found, changes = call.control.overview.changes(call.actor, deployment, number)
    errors = {part.name: read_load_error(part.error) for part in found.parts if part.error}
    return call.show(
        "release.html",
        title=f"Release {number}",
        here="releases",
        command=f"dagstead release show {number} --deployment {deployment.name}",
        deployment=deployment,
        release=found,
        state=of_release(found.state),
        url=web_address(found.url),
        rows=[
            (each, of_change(each.kind), each.part and of_part(each.part.state))
            for each in changes
            if each.kind is not ChangeKind.SAME
        ],
        same=[each.name for each in changes if each.kind is ChangeKind.SAME],
        errors=errors,
        may_change=call.actor.grants_locations(deployment, found.touched),
        may_return=found.ended_at is not None and _may_return(call, deployment),
    )


def rollback(call: PageCall) -> Response:
    """What undoing it would change, and the button that does it."""
    deployment, found, plan, refusal = _planned(call)
    is_whole = _is_whole(call)
    return call.show(
        "rollback.html",
        title=f"Return {deployment.called} to release {found.number}"
        if is_whole
        else f"Roll back release {found.number}",
        here="releases",
        is_live=False,
        command=f"dagstead release rollback {found.number} --deployment {deployment.name}"
        + (" --whole-deployment" if is_whole else ""),
        is_whole=is_whole,
        deployment=deployment,
        release=found,
        plan=plan,
        refusal=refusal,
        returns=[] if plan is None else list(_returns(plan)),
    )


def roll_back(call: PageCall) -> Completion:
    """Undo it, as it was confirmed."""
    deployment = call.deployment(call.path("deployment"))
    number = call.number("number")
    if call.field("needs_name") and call.field("typed") != deployment.name:
        raise InvalidInputError(
            f"Type the name of the deployment, {deployment.name!r}, to confirm what it removes."
        )
    begun = call.control.releases.roll_back(
        call.actor,
        deployment,
        _goal(call, number),
        redeploy=call.services.redeploy(deployment),
        confirmed=call.fields("confirmed"),
    )
    if begun.undoes == number:
        note = f"Release {begun.number} undoes release {number}, and is loading."
    elif begun.back_to == number:
        note = f"Release {begun.number} returns all of it to release {number}, and is loading."
    else:
        note = f"Release {begun.number} was ended before it brought anything."
    return Completion(_LINKS.release(deployment.name, begun.number), note)


def _may_return(call: PageCall, deployment: Deployment) -> bool:
    try:
        call.actor.require_change(deployment, "This", Permission.DEPLOY)
    except ForbiddenError:
        return False
    return True


def _is_whole(call: PageCall) -> bool:
    return call.query("whole") is not None


def _goal(call: PageCall, number: int) -> RollbackGoal:
    return RollbackGoal(number=number, whole_deployment=_is_whole(call))


def _planned(call: PageCall) -> tuple[Deployment, Release, Rollback | None, str | None]:
    deployment = call.deployment(call.path("deployment"))
    number = call.number("number")
    control, actor = call.control, call.actor
    found = control.releases.get(actor, deployment, number)
    try:
        plan = control.releases.plan_rollback(actor, deployment, _goal(call, number))
    except ConflictError as error:
        return deployment, found, None, error.message
    return deployment, found, plan, None


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError as error:
        raise InvalidInputError(f"{text!r:.40} is not a time. Begin with the newest.") from error


def _returns(plan: Rollback) -> Iterator[tuple[str, int | None]]:
    """What locations return to: the number of a release, if one has brought it."""
    for name, source in sorted(plan.returns.items()):
        yield name, source if isinstance(source, int) else None
