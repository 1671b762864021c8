"""Code locations: the list, one of them, and what is done with it."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence

from starlette.responses import Response

from dagstead.console.calls import Completion, PageCall
from dagstead.console.links import Links
from dagstead.console.states import Look, of_location, of_release
from dagstead.errors import LocationNotFoundError
from dagstead.plane.artifacts import artifact_of, commit_of
from dagstead.plane.load_errors import read_load_error
from dagstead.plane.problems import PlacedLocation

_LINKS = Links()
_RELEASES = 30
#: The tabs of the list.
_WRONG = frozenset({Look.WRONG, Look.ATTENTION})


def chosen_names(call: PageCall) -> tuple[list[str] | None, list[object]]:
    """The deployments that a list is of, and those to choose from."""
    granted = call.control.deployments.granted(call.actor)
    name = call.query("deployment")
    if name is not None:
        return [call.deployment(name).name], list(granted)
    full = [each.name for each in granted if not each.is_branch]
    # Who may use branch deployments alone sees those.
    return full or [each.name for each in granted], list(granted)


def locations(call: PageCall) -> Response:
    """All of them."""
    names, granted = chosen_names(call)
    placed = call.control.overview.locations(call.actor, names)
    shown = [(each, of_location(each.status, call.now)) for each in placed]
    sought = (call.query("q") or "").lower()
    found = [row for row in shown if sought in row[0].location.name.lower()]
    tab = call.query("state")
    rows = [row for row in found if tab is None or _tab_of(row[1].look) == tab]
    return call.show(
        "locations.html",
        title="Locations",
        here="locations",
        command="dagstead location list",
        rows=[(each, state, *_build(each)) for each, state in rows],
        tabs=_tabs(call, [state.look for _, state in found]),
        deployments=granted,
        chosen=call.query("deployment"),
        q=call.query("q"),
        is_filtered=bool(tab or sought),
    )


def location(call: PageCall) -> Response:
    """One of them."""
    deployment = call.deployment(call.path("deployment"))
    name = call.path("name")
    control, actor = call.control, call.actor
    control.locations.get(actor, deployment, name)
    placed = _placed(call, deployment.name, name)
    lines = control.overview.releases(actor, [deployment.name], _RELEASES)
    history = [line for line in lines if name in line.parts or name in line.removes]
    errors = read_load_error(placed.location.error)
    return call.show(
        "location.html",
        title=name,
        here="locations",
        command=f"dagstead why {shlex.quote(name)} --deployment {deployment.name}",
        placed=placed,
        state=of_location(placed.status, call.now),
        artifact=artifact_of(placed.location.document),
        live_artifact=None
        if placed.location.live is None
        else artifact_of(placed.location.live.document),
        commit=commit_of(placed.location.document),
        errors=errors,
        history=[(line, of_release(line.state), line.parts.get(name)) for line in history],
        server=control.server_logs.get(actor, deployment, name),
        listens=_LINKS.events(deployment.name, name),
        why=control.reasons.why_location(actor, deployment, name).reason,
        may_change=actor.grants_locations(deployment, [name]),
    )


def reload(call: PageCall) -> Completion:
    """Have its agents load it again."""
    deployment = call.deployment(call.path("deployment"))
    name = call.field("name")
    call.control.locations.reload(call.actor, deployment, [name])
    note = f"{name} is being loaded again. What is live serves until it has loaded."
    return Completion(_LINKS.location(deployment.name, name), note)


def _placed(call: PageCall, deployment: str, name: str) -> PlacedLocation:
    every = call.control.overview.locations(call.actor, [deployment])
    for each in every:
        if each.location.name == name:
            return each
    raise LocationNotFoundError(f"Deployment {deployment!r} has no code location {name!r}.")


def _build(each: PlacedLocation) -> tuple[object, object]:
    document = each.location.document
    return artifact_of(document), commit_of(document)


def _tab_of(look: Look) -> str:
    if look in _WRONG:
        return "wrong"
    return "waiting" if look is Look.WAITING else "fine"


def _tabs(call: PageCall, looks: Sequence[Look]) -> list[tuple[str, str, int, bool]]:
    counted = Counter(map(_tab_of, looks))
    chosen = call.query("state")
    kept = {"deployment": call.query("deployment"), "q": call.query("q")}
    tabs: list[tuple[str, str | None, int]] = [("All", None, len(looks))]
    tabs += [
        (text, name, counted[name])
        for name, text in (("wrong", "Not as they should be"), ("waiting", "Loading"))
    ]
    return [
        (text, _LINKS.page("locations", state=name, **kept), number, chosen == name)
        for text, name, number in tabs
    ]
