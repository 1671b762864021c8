"""Requests: work that only an agent can do, waiting on the queue of a location."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

#: Requests that change something outside: at most one agent may ever act on one.
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


def is_repeatable(api: str) -> bool:
    """Whether a request may be delivered again to another agent without looking at the world."""
    return api not in {LAUNCH_RUN, TERMINATE_RUN}
