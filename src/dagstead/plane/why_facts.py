"""What is known of a thing that waits; :mod:`dagstead.plane.why` decides on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dagstead.plane.deployments import Deployment
from dagstead.plane.launches import Launch
from dagstead.plane.pauses import Pause
from dagstead.plane.reasons import Reason
from dagstead.plane.requests import RequestState
from dagstead.plane.run_queue import Hold, QueuedRun


@dataclass(frozen=True, kw_only=True, slots=True)
class PlaneFacts:
    """The control plane at one time."""

    now: float
    pause: Pause | None = None
    #: When the daemons were last heard of; ``None`` while they work.
    daemon_lost_at: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueState:
    """What somebody has set for a queue, and what of it is used."""

    queue: str | None
    #: Since when it is paused, in seconds since 1970; ``None`` when it is not.
    paused_at: float | None = None
    paused_by: str | None = None
    note: str | None = None
    #: When the pause ends by itself.
    paused_until: float | None = None
    #: Runs at one time, over all deployments; ``None`` is no limit.
    limit: int | None = None
    #: The runs that count.
    holders: Sequence[str] = ()

    @property
    def is_full(self) -> bool:
        """Whether its limit is reached."""
        return self.limit is not None and len(self.holders) >= self.limit


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestBrief:
    """A request without what it asks for."""

    id: str
    api: str
    deployment: str
    queue: str | None
    location: str | None
    run_id: str | None
    state: RequestState
    created_at: float
    expires_at: float
    leased_at: float | None
    leased_by: int | None
    deliveries: int
    for_token: int | None
    answered_at: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentFacts:
    """The agent that has taken something."""

    #: In a sentence: its name, or that of its token.
    named: str
    #: Since when it is silent; ``None`` while it is alive.
    lost_at: float | None = None
    #: Of its last errors, the line about an image that it cannot pull.
    image_error: str | None = None
    #: The type of its launcher.
    type: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueWork:
    """Work of a queue, and who might take it."""

    deployment: Deployment
    queue: str | None
    #: Why nobody takes it; ``None`` when somebody does.
    absence: Reason | None = None
    #: Whether its agents start code servers, and take no work until then.
    is_busy_loading: bool = False
    #: The agents that serve it, in a sentence.
    servers: str | None = None
    taker: AgentFacts | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RunFacts:
    """What is known of a run."""

    run: QueuedRun
    plane: PlaneFacts
    work: QueueWork
    queue: QueueState | None = None
    launch: Launch | None = None
    request: RequestBrief | None = None
    #: The limit of the run queue that holds it.
    hold: Hold | None = None
    #: Of a run under way: the pool for which a step waits.
    step_hold: Hold | None = None
    #: The first of the runs that hold the limit, if that waits itself.
    holder: Reason | None = None
    #: Why its location does not work.
    location: Reason | None = None
    #: Why the fallback of its queue does not take it: a sentence.
    no_fallback: str | None = None
    #: Whether no live agent has it.
    is_out_of_reach: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestFacts:
    """What is known of a request."""

    request: RequestBrief
    plane: PlaneFacts
    work: QueueWork
