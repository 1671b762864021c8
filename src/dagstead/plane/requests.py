"""Requests: work that only an agent can do, on the queue of a location."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from dagstead.plane.agents import ALIVE_SECONDS, Heartbeat

LAUNCH_RUN = "LAUNCH_RUN"
TERMINATE_RUN = "TERMINATE_RUN"
CHECK_FOR_WORKSPACE_UPDATES = "CHECK_FOR_WORKSPACE_UPDATES"
#: Daemons ask these again by themselves, and have others to ask meanwhile.
TICKS = frozenset({"GET_EXTERNAL_SCHEDULE_EXECUTION_DATA", "GET_EXTERNAL_SENSOR_EXECUTION_DATA"})

#: The most requests that one poll gets for a full deployment, and for all branch deployments
#: together, when the agent sets no limit (it never does).
DEFAULT_POP_LIMIT = 10


class RequestState(StrEnum):
    """The states of a request."""

    WAITING = "waiting"
    LEASED = "leased"
    ANSWERED = "answered"
    EXPIRED = "expired"


@dataclass(frozen=True, kw_only=True, slots=True)
class NewRequest:
    """A request to queue."""

    id: str
    api: str
    deployment: str
    queue: str | None
    location: str | None
    #: The run that it launches or terminates.
    run_id: str | None
    #: Serialized ``DagsterCloudApiRequest``.
    body: str
    #: After this time nobody needs the answer, in seconds since 1970.
    expires_at: float
    #: The token of the agent that is to take it, as long as agents call with it; ``None`` for any.
    for_token: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A queued request in its current state."""

    id: str
    api: str
    deployment: str
    is_branch: bool
    queue: str | None
    location: str | None
    run_id: str | None
    body: str
    state: RequestState
    created_at: float
    expires_at: float
    leased_at: float | None
    #: The token that took it: agents do not send their id when they poll.
    leased_by: int | None
    deliveries: int
    #: Launches only: the agent that has announced to start the run. After that, no other one may.
    begun_by: str | None
    #: See :class:`NewRequest`.
    for_token: int | None = None


#: How long an agent may take from its first poll until it begins a launch.
BEGIN_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestAnswer:
    """What an agent answered."""

    text: str
    #: The token that had taken the request last.
    token_id: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """What a poll may take: the claim of an agent, as far as its token grants it."""

    token_id: int
    #: Full deployments by name.
    deployments: frozenset[str]
    #: Whether all branch deployments are served too.
    branch_deployments: bool
    #: ``None`` in the set is the default queue.
    queues: frozenset[str | None]
    limit: int = DEFAULT_POP_LIMIT


def holder_is_gone(request: Request, beats: Sequence[Heartbeat], now: float) -> bool:
    """Whether every agent that may have taken a leased request is gone.

    Agents do not send their id when they poll, so the request may be held by any agent with the
    same token that was alive when it was taken. If every agent has its own token, that is one.
    """
    if request.leased_at is None or now - request.leased_at < ALIVE_SECONDS:
        return False
    return not any(
        beat.is_alive(now)
        for beat in beats
        if beat.token_id == request.leased_by
        # The first heartbeat follows the first poll within seconds.
        and beat.first_received_at <= request.leased_at + ALIVE_SECONDS
    )


def is_lost(request: Request, now: float) -> bool:
    """Whether the agent that polled may never have seen a launch that it was given.

    The answer to its poll is lost when the line or the server fails in that moment. An agent begins
    a launch right after the poll; a busy one is given more time with every delivery.
    """
    return (
        request.api == LAUNCH_RUN
        and request.state is RequestState.LEASED
        and request.leased_at is not None
        and now - request.leased_at >= BEGIN_SECONDS * request.deliveries
    )


def may_be_delivered_again(request: Request) -> bool:
    """Whether another agent may get a request whose holder is gone.

    A launch may, until an agent has begun it: agents announce that before they start a worker.
    """
    return request.begun_by is None
