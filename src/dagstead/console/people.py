"""What is of whoever looks: the theme, and the addresses of things that are sought."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from starlette.responses import Response

from dagstead.console.calls import PageCall
from dagstead.console.links import HOME, Links
from dagstead.console.render import THEME_COOKIE, THEMES

_LINKS = Links()
_YEAR_SECONDS = 365 * 86_400
_MOST_FOUND = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchHit:
    """One thing whose name has what was sought."""

    kind: str
    name: str
    where: str
    address: str


def theme(call: PageCall) -> Response:
    """Keep the theme that was chosen in the browser."""
    target = call.field("next")
    # Only pages of the console: the field comes from whoever made the form.
    response = call.go(target if target.startswith(HOME) and "\\" not in target else HOME)
    chosen = call.field("theme")
    if chosen in THEMES:
        response.set_cookie(
            THEME_COOKIE, chosen, max_age=_YEAR_SECONDS, path="/", httponly=True, samesite="lax"
        )
    else:
        response.delete_cookie(THEME_COOKIE, path="/")
    return response


def search(call: PageCall) -> Response:
    """Everything with these letters in its name; one alone is opened at once."""
    sought = call.query("q") or ""
    found = list(_found(call, sought.lower()))[:_MOST_FOUND] if sought else []
    if len(found) == 1 and call.query("stay") is None:
        return call.go(found[0].address)
    return call.show(
        "search.html", title="Search", here="search", sought=sought, found=found, is_live=False
    )


def _found(call: PageCall, sought: str) -> Iterator[SearchHit]:
    placed = call.control.overview.locations(call.actor)
    for each in placed:
        name, deployment = each.location.name, each.deployment.name
        if sought in name.lower():
            address = _LINKS.location(deployment, name)
            yield SearchHit(kind="Location", name=name, where=deployment, address=address)
    agents = [] if call.actor.is_of_locations else call.control.agents.all(call.actor)
    for agent in agents:
        if sought in f"{agent.label} {agent.id}".lower():
            address = _LINKS.agent(agent.id)
            yield SearchHit(kind="Agent", name=agent.label, where=agent.id, address=address)
    queues = {each.location.queue for each in placed}
    yield from _queues(queues.union(*(agent.agent.queues for agent in agents)), sought)
    yield from _runs(call, sought)
    yield from _deployments(call, sought)
    yield from _releases(call, sought)


def _deployments(call: PageCall, sought: str) -> Iterator[SearchHit]:
    for each in call.control.deployments.granted(call.actor):
        branch = each.branch.branch_name if each.branch else ""
        if sought in f"{each.name} {branch}".lower():
            address = _LINKS.deployment(each.name)
            yield SearchHit(kind="Deployment", name=each.name, where=branch, address=address)


def _releases(call: PageCall, sought: str) -> Iterator[SearchHit]:
    for line in call.control.overview.releases(call.actor):
        if sought == str(line.number) or (line.commit_hash or "").lower().startswith(sought):
            yield SearchHit(
                kind="Release",
                name=f"Release {line.number}",
                where=line.deployment,
                address=_LINKS.release(line.deployment, line.number),
            )


def _runs(call: PageCall, sought: str) -> Iterator[SearchHit]:
    if call.actor.is_of_locations:
        return
    for run in call.control.runs.find(call.actor, sought, _MOST_FOUND):
        yield SearchHit(
            kind="Run",
            name=run.run_id,
            where=" · ".join(filter(None, (run.location, run.deployment))),
            address=_LINKS.why_run(run.deployment, run.run_id),
        )


def _queues(queues: Iterable[str | None], sought: str) -> Iterator[SearchHit]:
    for name in sorted(name for name in queues if name is not None):
        if sought in name.lower():
            yield SearchHit(kind="Queue", name=name, where="", address=_LINKS.queue(name))
