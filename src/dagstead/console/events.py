"""The stream that tells a page to look again: the bell, as server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from dagstead.console.calls import Services, require_person
from dagstead.control import bell
from dagstead.control.actor import Actor
from dagstead.errors import InvalidInputError
from dagstead.plane.deployments import Deployment
from dagstead.plane.tokens import Token

_KIND = "text/event-stream"
#: A stream ends after this, and its page opens another: by then a session may have ended.
_LONGEST_SECONDS = 300.0
#: A page looks at most that often.
_PAUSE_SECONDS = 1.0
_LOOK_SECONDS = bell.LOOK_SECONDS
#: Proxies close what is silent for a minute.
_BEAT_SECONDS = 20.0


async def events(services: Services, request: Request) -> Response:
    """Begin one."""
    token: Token = request.state.token
    require_person(token)
    if _KIND not in request.headers.get("accept", ""):
        # Whoever does not listen would wait for its end.
        raise InvalidInputError(f"This is a stream for pages. Ask for it with Accept: {_KIND}.")
    actor = Actor.holding(token)
    granted = await to_thread.run_sync(services.control.deployments.granted, actor)
    heard = [*topics(granted), *await to_thread.run_sync(_of_location, services, actor, request)]
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(stream_of(services, heard), media_type=_KIND, headers=headers)


def topics(deployments: list[Deployment]) -> list[str]:
    """What pages listen to."""
    names = [each.name for each in deployments]
    return [topic(name) for name in names for topic in (bell.releases, bell.locations)]


def _of_location(services: Services, actor: Actor, request: Request) -> list[str]:
    """What the page of a location listens to besides."""
    deployment, name = (request.query_params.get(each) for each in ("deployment", "location"))
    if deployment is None or name is None:
        return []
    found = services.control.deployments.named(actor, deployment)
    services.control.locations.get(actor, found, name)
    return [bell.server_log(deployment, name)]


async def stream_of(services: Services, heard: list[str]) -> AsyncIterator[str]:
    """The texts of one stream, until its time is over or the process ends."""
    control = services.control
    left = _LONGEST_SECONDS
    silent = 0.0
    shared = (bell.queues(), bell.alerts(), bell.sign_ins())
    with control.bell.listen(*heard, *shared) as listener:
        yield f"event: hello\ndata: {services.renderer.assets.digest}\n\n"
        # The end of the process rings no bell: each look is short.
        while left > 0 and not services.is_closing():
            left -= _LOOK_SECONDS
            if await listener.wait_async(_LOOK_SECONDS):
                silent = 0.0
                yield "event: changed\ndata:\n\n"
                await anyio.sleep(_PAUSE_SECONDS)
            elif (silent := silent + _LOOK_SECONDS) >= _BEAT_SECONDS:
                silent = 0.0
                yield ": still here\n\n"
