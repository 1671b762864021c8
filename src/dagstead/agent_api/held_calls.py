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
#: How long a caller may have gone before that is seen; asking costs as much as answering it.
_GONE_SECONDS = 5.0
#: With more calls than this, each is held longer, so that all together ask no more often.
_CROWD = 100
#: But not longer than this: between two polls, official agents also look at what is deployed.
_CROWDED_SECONDS = 5.0


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
    with services.held.one_more(), services.control.bell.listen(*empty.poll.topics) as listener:
        # What came before we listened has rung for nobody.
        is_rung, asked = True, began
        while not services.is_closing():
            if is_rung or loop.time() - asked > _GONE_SECONDS:
                asked = loop.time()
                if await request.is_disconnected():
                    break
            if is_rung:
                found = await loop.run_in_executor(services.threads, look)
                if isinstance(found, Response):
                    return found
                empty = found
            longest = _longest(empty.poll, services.hold_seconds, services.held.count)
            left = began + longest - loop.time()
            if left <= 0:
                break
            # The end of this process and that of the caller ring no bell.
            is_rung = await listener.wait_async(min(left, LOOK_SECONDS))
    return empty.response


def _longest(poll: HeldPoll, usual: float, held: int) -> float:
    """For how many seconds a call is held, one of so many."""
    if poll.is_short:
        return min(usual, _AT_WORK_SECONDS)
    return max(usual, min(_CROWDED_SECONDS, usual * held / _CROWD))
