"""How to begin: three steps from an empty installation to the first run of one's own code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import Response

from dagstead.console.calls import PageCall
from dagstead.console.links import Links
from dagstead.errors import ForbiddenError
from dagstead.plane.grant_words import read_back
from dagstead.plane.lifetimes import Lifetime
from dagstead.plane.new_tokens import NewToken
from dagstead.plane.problems import PlacedLocation
from dagstead.plane.queue_views import QueueView
from dagstead.plane.roles import EDITOR
from dagstead.plane.tokens import IssuedToken, TokenKind

_LINKS = Links()
#: Whoever has something live for longer knows how to launch a run.
_NEW_SECONDS = 3600.0
#: Long enough to come back to it, and too short to be built upon.
_TOKEN = Lifetime(seconds=7 * 86_400.0)
_NAME_MOST = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class FirstStep:
    """One of the first steps on an empty installation."""

    title: str
    says: str
    #: What to type; empty where nothing is typed, or where it stands above with its secret.
    commands: str
    #: Where it is done, or what is needed for it.
    address: str
    link: str
    is_done: bool
    #: Whether a click fills a fresh token into the commands.
    takes_token: bool = False


def has_run(views: Sequence[QueueView]) -> bool:
    """Whether a run has started lately."""
    return any(view.running or sum(view.dispatched) for view in views)


def first_steps(call: PageCall, views: Sequence[QueueView]) -> list[FirstStep]:
    """What to do first, ticked as it happens; none when somebody works here already."""
    if has_run(views) or not call.actor.is_unlimited:
        return []
    live = _live(call)
    if any(call.now - each.location.updated_at > _NEW_SECONDS for each in live):
        return []
    return _steps(call, live, has_token=False, is_over=False)


def begin(call: PageCall) -> Response:
    """The steps alone, without a token; a page that shows one asks for its ticks here."""
    _require_making(call)
    return _page(call, None)


def begin_with_token(call: PageCall) -> Response:
    """Make a token that may deploy, and show the commands with it, this once."""
    wanted = _wanted(call)
    issued = call.control.tokens.issue(
        call.actor,
        wanted.name,
        wanted.kind,
        wanted.grant(call.now),
        call.services.organization,
    )
    return _page(call, issued)


def _wanted(call: PageCall) -> NewToken:
    return NewToken(
        name=f"first steps of {call.actor.name}"[:_NAME_MOST],
        kind=TokenKind.USER,
        deployments=[_first(call)],
        branch_deployments=False,
        lifetime=_TOKEN,
        roles=EDITOR,
    )


def _require_making(call: PageCall) -> None:
    call.actor.require_organization("Creating a token")
    call.actor.require_holding(_wanted(call).grant(call.now))


def _may_make(call: PageCall) -> bool:
    try:
        _require_making(call)
    except ForbiddenError:
        return False
    return True


def _page(call: PageCall, issued: IssuedToken | None) -> Response:
    has_token = issued is not None or (call.is_part and call.query("shown") is not None)
    is_over = has_run(call.control.queues.all(call.actor))
    return call.show(
        "begin.html",
        title="Your first run",
        here="",
        command=None,
        is_private=issued is not None,
        steps=_steps(call, _live(call), has_token=has_token, is_over=is_over),
        is_over=is_over,
        commands=None if issued is None else _commands(call, issued.secret),
        token=None if issued is None else issued.token,
        grants=None if issued is None else read_back(issued.token.kind, issued.token.grant),
    )


def _live(call: PageCall) -> list[PlacedLocation]:
    every = call.control.overview.locations(call.actor)
    return [each for each in every if each.location.manifest is not None]


def _first(call: PageCall) -> str:
    granted = call.control.deployments.granted(call.actor)
    return next((each.name for each in granted if not each.is_branch), "prod")


def _commands(call: PageCall, secret: str) -> str:
    return (
        f"export DAGSTER_CLOUD_URL={call.base_url}\n"
        f"export DAGSTER_CLOUD_ORGANIZATION={call.services.organization}\n"
        f"export DAGSTER_CLOUD_DEPLOYMENT={_first(call)}\n"
        f"export DAGSTER_CLOUD_API_TOKEN={secret}\n"
        "dagstead check\n"
        "dagstead deploy"
    )


def _steps(
    call: PageCall, live: Sequence[PlacedLocation], *, has_token: bool, is_over: bool
) -> list[FirstStep]:
    has_agent = bool(call.control.agents.all(call.actor))
    newest = max(live, key=lambda each: each.location.updated_at, default=None)
    return [
        FirstStep(
            title="Have something run your code",
            says="The managed pool of this server runs what is built as PEX files. For images, "
            "start an official agent of yours, with a token of its own.",
            commands="" if has_agent else f"dagstead pool --public-url {call.base_url}",
            address=_LINKS.page("tokens/new", kind="agent"),
            link="Make a token for an agent",
            is_done=has_agent,
        ),
        FirstStep(
            title="Deploy your repository",
            says="With the commands above, in the folder with your dagster_cloud.yaml."
            if has_token
            else "In the folder with your dagster_cloud.yaml. The check shows beforehand which "
            "agent will run what.",
            commands="" if has_token or live else _commands(call, "…"),
            address=_LINKS.page("tokens/new", kind="user"),
            link="Make another token for yourself",
            is_done=bool(live),
            takes_token=not has_token and not live and _may_make(call),
        ),
        FirstStep(
            title="Launch a run",
            says="Choose a job or an asset of yours in the Dagster UI."
            if newest is None
            else f"{newest.location.name} is live. Choose a job or an asset of it in the Dagster "
            "UI.",
            commands="",
            address=_LINKS.ui(_first(call))
            if newest is None
            else _LINKS.location_in_ui(newest.deployment.name, newest.location.name),
            link="Open it in Dagster",
            is_done=is_over,
        ),
    ]
