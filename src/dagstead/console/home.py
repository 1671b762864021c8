"""The first page: what is wrong, what waits, what changed; and how to begin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import JSONResponse, Response

from dagstead.console.calls import PageCall
from dagstead.console.links import Links
from dagstead.console.states import of_problem, of_queue, of_release
from dagstead.plane.problems import Problem, ProblemKind, Weight
from dagstead.plane.trail import Row, TrailFilter

_NEWEST = 8
#: Whoever has something live for longer knows how to launch a run.
_NEW_SECONDS = 3600.0
_LINKS = Links()


@dataclass(frozen=True, kw_only=True, slots=True)
class FirstStep:
    """One of the first steps on an empty installation."""

    title: str
    says: str
    commands: str
    #: Where it is done, or what is needed for it.
    address: str
    link: str
    is_done: bool


def home(call: PageCall) -> Response:
    """The page."""
    overview = call.control.overview
    problems = overview.problems(call.actor)
    views = call.control.queues.all(call.actor)
    releases = overview.releases(call.actor, limit=_NEWEST)
    steps = _first_steps(call, has_run=any(view.running or sum(view.dispatched) for view in views))
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
        ProblemKind.LOCATION: _LINKS.location(place, name),
    }[problem.kind]


def _first_steps(call: PageCall, *, has_run: bool) -> list[FirstStep]:
    """What to do first, ticked as it happens; none when somebody works here already."""
    if has_run or not call.actor.is_unlimited:
        return []
    control, actor = call.control, call.actor
    placed = control.overview.locations(actor)
    live = [each for each in placed if each.location.manifest is not None]
    if any(call.now - each.location.updated_at > _NEW_SECONDS for each in live):
        return []
    granted = control.deployments.granted(actor)
    first = next((each.name for each in granted if not each.is_branch), "prod")
    return [
        FirstStep(
            title="Have something run your code",
            says="The managed pool of this server runs what is built as PEX files. For images, "
            "start an official agent of yours, with a token of its own.",
            commands=f"dagstead pool --public-url {call.base_url}",
            address=_LINKS.page("tokens/new", kind="agent"),
            link="Make a token for an agent",
            is_done=bool(control.agents.all(actor)),
        ),
        FirstStep(
            title="Deploy your repository",
            says="In the folder with your dagster_cloud.yaml. The check shows beforehand which "
            "agent will run what.",
            commands=f"export DAGSTER_CLOUD_URL={call.base_url}\n"
            f"export DAGSTER_CLOUD_ORGANIZATION={call.services.organization}\n"
            f"export DAGSTER_CLOUD_DEPLOYMENT={first}\n"
            "export DAGSTER_CLOUD_API_TOKEN=…\n"
            "dagstead check\n"
            "dagstead deploy",
            address=_LINKS.page("tokens/new", kind="user"),
            link="Make a token for yourself",
            is_done=bool(live),
        ),
        FirstStep(
            title="Launch a run",
            says="Choose a job or an asset of yours in the Dagster UI.",
            commands="",
            address=_LINKS.ui(first),
            link="Open it in Dagster",
            is_done=False,
        ),
    ]
