"""What an agent is and does, from everything that is known of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dagstead.plane.agents import AgentStatus
from dagstead.plane.code_servers import ServerState

#: Where official agents write the tag of their image, and what they are busy with.
_IMAGE = "image_tag"
_UTILIZATION = "utilization_metrics"
#: Of what an agent reports.
_MOST_NUMBERS = 100
_DEEPEST = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentServer:
    """A code server of an agent."""

    deployment: str
    location: str
    state: ServerState
    error: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentRun:
    """A run that an agent has begun and that has not ended."""

    deployment: str
    run_id: str
    location: str | None
    begun_at: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentCard:
    """An agent of the organization."""

    id: str
    label: str
    status: AgentStatus
    #: The class of its launcher.
    type: str | None
    version: str | None
    #: The tag of its image, where it reports one.
    image: str | None
    #: Whether it is of a managed pool.
    is_pool: bool
    #: What it gets work from, and what it asks for besides and its token does not grant.
    queues: frozenset[str | None]
    refused_queues: Sequence[str]
    deployments: Sequence[str]
    branch_deployments: bool
    #: The name of its token, for those who may see tokens; why the token is of no use any more.
    token: str | None
    token_fault: str | None
    #: In seconds since 1970: its first and its newest heartbeat, and its newest call of any kind.
    first_heartbeat: float
    last_heartbeat: float
    heard_at: float
    #: Whether it starts code servers, and takes no work until then.
    is_busy_loading: bool
    #: The messages of its errors, the newest first.
    errors: Sequence[str]
    servers: Sequence[AgentServer]
    runs: Sequence[AgentRun]
    #: What it reports of its own load, by the names that it gives: numbers.
    utilization: Mapping[str, float]


def image_of(metadata: Mapping[str, Any]) -> str | None:
    """The tag of an agent's image, from what its heartbeat says."""
    tag = metadata.get(_IMAGE)
    return str(tag)[:300] if tag else None


def utilization_of(metadata: Mapping[str, Any]) -> Mapping[str, float]:
    """The numbers of an agent's load, each under the path that leads to it."""
    return dict(_numbers(metadata.get(_UTILIZATION), ()))


def _numbers(given: object, path: tuple[str, ...]) -> Sequence[tuple[str, float]]:
    if isinstance(given, Mapping) and len(path) < _DEEPEST:
        deeper = (_numbers(each, (*path, str(name))) for name, each in given.items())
        return [pair for pairs in deeper for pair in pairs][:_MOST_NUMBERS]
    is_number = isinstance(given, int | float) and not isinstance(given, bool)
    return [(".".join(path), float(str(given)))] if is_number and path else []
