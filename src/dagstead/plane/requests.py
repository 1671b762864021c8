"""Requests: work that only an agent can do, waiting on the queue of a location."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from dagstead.plane.agents import ALIVE_SECONDS, Heartbeat

LAUNCH_RUN = "LAUNCH_RUN"
TERMINATE_RUN = "TERMINATE_RUN"
CHECK_FOR_WORKSPACE_UPDATES = "CHECK_FOR_WORKSPACE_UPDATES"

#: How many requests one poll hands out per full deployment, and for all branch deployments
#: together, when the agent names no limit (it never does).
DEFAULT_POP_LIMIT = 10


class RequestState(StrEnum):
    """Where a request is."""

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
    #: When nobody needs the answer any more, seconds since 1970.
    expires_at: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A queued request as it stands."""

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
    #: The token that popped it: agents do not name themselves when they poll.
    leased_by: int | None
    deliveries: int
    #: Launches only: the agent that said it begins the run. No other one may from then on.
    begun_by: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """What one poll may take: an agent's claim, already cut down to its token's grant."""

    token_id: int
    #: Full deployments by name.
    deployments: frozenset[str]
    #: Whether all branch deployments are served too.
    branch_deployments: bool
    #: ``None`` among them is the default queue.
    queues: frozenset[str | None]
    limit: int = DEFAULT_POP_LIMIT


def holder_is_gone(request: Request, beats: Sequence[Heartbeat], now: float) -> bool:
    """Whether every agent that may have taken a leased request is gone.

    Agents do not name themselves when they poll, so any agent of the same token that lived when
    the request was taken may hold it. Give each agent a token of its own, and that is one.
    """
    if request.leased_at is None or now - request.leased_at < ALIVE_SECONDS:
        return False
    return not any(
        beat.is_alive(now)
        for beat in beats
        if beat.token_id == request.leased_by
        # A first heartbeat follows the first poll within seconds.
        and beat.first_received_at <= request.leased_at + ALIVE_SECONDS
    )


def may_be_delivered_again(request: Request) -> bool:
    """Whether another agent may get a request whose holder is gone.

    A launch may until some agent has begun it; an agent says so before it starts a worker.
    """
    return request.begun_by is None
