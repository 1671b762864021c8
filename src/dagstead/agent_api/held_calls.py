"""Calls that have got nothing are held open, until there is something or their time is over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from dagstead.agent_api.services import AgentServices
from dagstead.control.bell import LOOK_SECONDS
from dagstead.control.requests import HeldPoll

#: How long an agent waits that has something to do between its polls.
_AT_WORK_SECONDS = 0.3


@dataclass(frozen=True, kw_only=True, slots=True)
class EmptyAnswer:
    """An answer with nothing in it."""

    response: Response
    poll: HeldPoll


async def wait_for_something(
    empty: EmptyAnswer,
    look: Callable[[], Response | EmptyAnswer],
    request: Request,
    services: AgentServices,
) -> Response:
    """Look again whenever the bell rings, and answer with what is found.

    Args:
        empty: what was found before anybody listened.
        look: finds the answer, in a thread.
        request: of the caller. Nothing is looked for once that has gone: it would be lost.
        services: of this room.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    with services.control.bell.listen(*empty.poll.topics) as listener:
        # What came before we listened has rung for nobody.
        is_rung = True
        while not (services.is_closing() or await request.is_disconnected()):
            if is_rung:
                found = await loop.run_in_executor(services.threads, look)
                if isinstance(found, Response):
                    return found
                empty = found
            left = began + _longest(empty, services) - loop.time()
            if left <= 0:
                break
            # The end of this process and that of the caller ring no bell.
            is_rung = await listener.wait_async(min(left, LOOK_SECONDS))
    return empty.response


def _longest(empty: EmptyAnswer, services: AgentServices) -> float:
    """For how many seconds a call is held."""
    usual = services.hold_seconds
    return min(usual, _AT_WORK_SECONDS) if empty.poll.is_short else usual
