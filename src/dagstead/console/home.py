"""The first page: what is wrong, what waits, what changed; and how to begin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import JSONResponse, Response

from dagstead.console.calls import Call
from dagstead.console.links import Links
from dagstead.console.states import of_problem, of_queue, of_release
from dagstead.plane.problems import Problem, ProblemKind, Weight
from dagstead.plane.trail import Row, TrailFilter

_NEWEST = 8
_LINKS = Links()


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One of the first steps on an empty installation."""

    title: str
    says: str
    commands: str
    is_done: bool


def home(call: Call) -> Response:
    """The page."""
    overview = call.control.overview
    problems = overview.problems(call.actor)
    views = call.control.queues.all(call.actor)
    releases = overview.releases(call.actor, limit=_NEWEST)
    steps = _first_steps(call)
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
        steps=[] if all(step.is_done for step in steps) else steps,
    )


def called(call: Call) -> dict[str, str]:
    """What people call branch deployments, whose names are numbers."""
    granted = call.control.deployments.granted(call.actor)
    return {each.name: each.branch.branch_name for each in granted if each.branch is not None}


def wrong(call: Call) -> Response:
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


def _first_steps(call: Call) -> list[Step]:
    """What to do first, ticked as it happens."""
    if not call.actor.is_unlimited:
        return []
    control, actor = call.control, call.actor
    has_agent = bool(control.agents.all(actor))
    placed = control.overview.locations(actor)
    has_live = any(each.location.manifest is not None for each in placed)
    if has_live:
        return []
    first = next((each.name for each in control.deployments.granted(actor)), "prod")
    return [
        Step(
            title="Connect this machine",
            says="Commands here and in CI need the address of this server and your token, which "
            "was shown when you signed in. A new one is made under Tokens.",
            commands=f"export DAGSTER_CLOUD_URL={call.base_url}\n"
            f"export DAGSTER_CLOUD_ORGANIZATION={call.services.organization}\n"
            f"export DAGSTER_CLOUD_DEPLOYMENT={first}\n"
            "export DAGSTER_CLOUD_API_TOKEN=…",
            is_done=any(each.last_used_at is not None for each in control.tokens.all(actor)),
        ),
        Step(
            title="Have something run your code",
            says="The managed pool runs code that is built as PEX files, on the server's own "
            "machine. For images, start an official agent with a token of its own.",
            commands="dagstead pool\n# or, for an agent of yours:\n"
            "dagstead token create --kind agent --name my-agent",
            is_done=has_agent,
        ),
        Step(
            title="Deploy a repository",
            says="In the folder with your dagster_cloud.yaml. The check shows beforehand which "
            "agent will run what.",
            commands="dagstead check\ndagstead deploy",
            is_done=bool(placed),
        ),
    ]
