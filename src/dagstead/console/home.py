"""The first page: what is wrong, what waits, what changed; and how to begin."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import JSONResponse, Response

from dagstead.console.beginning import first_steps
from dagstead.console.calls import PageCall
from dagstead.console.links import Links
from dagstead.console.states import of_problem, of_queue, of_release
from dagstead.plane.problems import Problem, ProblemKind, Weight
from dagstead.plane.trail import Row, TrailFilter

_NEWEST = 8
_LINKS = Links()


def home(call: PageCall) -> Response:
    """The page."""
    overview = call.control.overview
    problems = overview.problems(call.actor)
    views = call.control.queues.all(call.actor)
    releases = overview.releases(call.actor, limit=_NEWEST)
    steps = first_steps(call, views)
    trail: Sequence[Row] = ()
    if call.actor.is_unlimited:
        trail = call.control.trail.find(call.actor, TrailFilter(limit=_NEWEST))
    return call.show(
        "home.html",
        title="Home",
        here="",
        command="dagstead status",
        problems=[(each, of_problem(each), link_of(each)) for each in problems],
        queues=[(each, of_queue(each)) for each in views if each.runs.count],
        releases=[(each, of_release(each.state)) for each in releases],
        trail=[(row, row.said) for row in trail],
        called=called(call),
        steps=steps,
    )


def called(call: PageCall) -> dict[str, str]:
    """What people call branch deployments, whose names are numbers."""
    granted = call.control.deployments.granted(call.actor)
    return {each.name: each.called for each in granted}


def wrong(call: PageCall) -> Response:
    """How many things are wrong: a number for the rail, or for the bar of the Dagster UI."""
    problems = call.control.overview.problems(call.actor)
    count = sum(each.weight is Weight.WRONG for each in problems)
    if "hx-request" not in call.request.headers:
        return JSONResponse({"wrong": count, "attention": len(problems) - count})
    return call.show("wrong.html", wrong=count, attention=len(problems) - count)


def link_of(problem: Problem) -> str:
    """The page where something is done about a problem."""
    place, name = problem.deployment or "", problem.object or ""
    return {
        ProblemKind.SERVER: _LINKS.page("server"),
        ProblemKind.QUEUE: _LINKS.queue(problem.object),
        ProblemKind.AGENT: _LINKS.agent(name),
        ProblemKind.CALLERS: _LINKS.page("callers"),
        ProblemKind.RELEASE: _LINKS.release(place, name),
        ProblemKind.SCHEDULE: _LINKS.location(place, name),
        ProblemKind.LOCATION: _LINKS.location(place, name),
        ProblemKind.ALERTS: _LINKS.page("alerts", deployment=place),
    }[problem.kind]
