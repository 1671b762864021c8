"""Launches: what becomes of a run, from the queue to its end. One record for each launch."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from dagstead.plane.agent_keys import AgentKey


class LaunchState(StrEnum):
    """How far a launch has come."""

    #: The run waits in the run queue.
    QUEUED = "queued"
    #: A daemon has taken it from the run queue, and is about to offer it.
    DEQUEUED = "dequeued"
    #: Its request waits for an agent.
    OFFERED = "offered"
    #: An agent has the request, and may still lose it.
    TAKEN = "taken"
    #: An agent has passed the gate: from now on it may start a worker at any moment.
    BEGUN = "begun"
    ENDED = "ended"


class RunEnd(StrEnum):
    """The final statuses of a run, in Dagster's words."""

    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    CANCELED = "CANCELED"


class How(StrEnum):
    """What a launch's end is known from."""

    #: The run said so itself.
    REPORTED = "reported"
    #: It was ended before an agent had begun it.
    WITHDRAWN = "withdrawn"
    #: The agent said that it could not start it.
    REFUSED = "refused"
    #: Whoever watches its process saw that end.
    EXITED = "exited"
    #: Its worker has stopped asking for its run, as workers of isolated agents do.
    SILENT = "silent"
    #: A time ran out: to start, to run, or to end.
    OVERDUE = "overdue"


@dataclass(frozen=True, kw_only=True, slots=True)
class Stop:
    """The wish that a run ends, and the status that it is to end with."""

    end: RunEnd
    by: str
    reason: str
    asked_at: float


@dataclass(frozen=True, kw_only=True, slots=True)
class LaunchEnd:
    """How a launch ended."""

    #: ``None`` when the run did not end with it, but is launched once more.
    status: RunEnd | None
    how: How
    by: str
    #: A sentence for people.
    reason: str
    exit_code: int | None = None
    #: The run's own event of its end, as Dagster serializes it; ``None`` when the end is ours.
    event: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LaunchTags:
    """What a run's tags say of its launches."""

    #: After that time under way it is to be failed.
    max_runtime_seconds: float | None = None
    #: Whether it is executed in its code server, not by a worker of its own.
    in_code_server: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class FormerQueue:
    """The queue that a run was on before its fallback; ``None`` is the default queue."""

    queue: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Launch:
    """One launch of a run. All times are in seconds since 1970."""

    deployment: str
    run_id: str
    #: Counts from one.
    number: int
    state: LaunchState
    created_at: float
    #: The request that launches it; ``None`` for a run that was not launched over a queue.
    request_id: str | None = None
    #: The location and the queue that it was queued for, which may be served otherwise by now. A
    #: run that was never queued has no location here.
    location: str | None = None
    queue: str | None = None
    #: Where it was queued first, if its queue's fallback has moved it.
    fell_from: FormerQueue | None = None
    tags: LaunchTags = field(default_factory=LaunchTags)
    offered_at: float | None = None
    taken_at: float | None = None
    begun_at: float | None = None
    #: The agent that passed the gate.
    begun_by: str | None = None
    #: Its token; ``None`` where that was not recorded.
    begun_with: int | None = None
    #: When the agent said that it had started the worker.
    answered_at: float | None = None
    #: When the run itself reported its start.
    started_at: float | None = None
    #: When the worker last asked for its run, and how often in a row it did so in its rhythm;
    #: negative when somebody else asks.
    asked_at: float | None = None
    asked_times: int = 0
    #: Since when nothing is known of its worker; ``None`` while something is.
    unknown_since: float | None = None
    stop: Stop | None = None
    ended_at: float | None = None
    ending: LaunchEnd | None = None
    #: Whether Dagster's storage shows the end.
    is_shown: bool = False

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self.state is not LaunchState.ENDED

    @property
    def has_queue(self) -> bool:
        """Whether its queue is known: it is fixed when the run is queued."""
        return self.location is not None

    @property
    def is_offered(self) -> bool:
        """Whether agents could have taken it."""
        return self.state not in {LaunchState.QUEUED, LaunchState.DEQUEUED}

    def is_with(self, agent: AgentKey) -> bool:
        """Whether that agent has begun it."""
        return self.begun_by == agent.agent_id and self.begun_with in {None, agent.token_id}

    @property
    def final(self) -> RunEnd | None:
        """The status that the run has for good; ``None`` while it may still change."""
        return None if self.ending is None else self.ending.status


@dataclass(frozen=True, kw_only=True, slots=True)
class RunUnderWay:
    """A run that Dagster's storage shows as under way."""

    run_id: str
    #: Whether it has reported its start.
    is_started: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class RunOrigin:
    """What Dagster's storage says of where a run comes from."""

    #: ``None`` for a run that user code executes by itself.
    location: str | None
    #: The token that has stored it, where that is limited to queues.
    stored_by: int | None


@dataclass(frozen=True, kw_only=True, slots=True)
class RunPlace:
    """A run, and whose work it is."""

    run_id: str
    #: Of the agents that may write to it: the queue of its newest launch, or of its location.
    queues: frozenset[str | None]
    stored_by: int | None = None
