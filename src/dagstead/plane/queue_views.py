"""What is shown of a queue: who serves it, what waits there, and what it holds."""

from __future__ import annotations

from dataclasses import dataclass

from dagstead.plane.queues import Queue, QueuePause


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueAgent:
    """A live agent that serves a queue."""

    id: str
    label: str
    #: The launcher's class name.
    type: str | None
    is_pool: bool
    version: str | None
    #: The deployments of its heartbeats, as far as the viewer may see them.
    deployments: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class QueuedLocation:
    """A location that is on a queue."""

    deployment: str
    location: str
    #: When it was changed last, in seconds since 1970.
    since: float


@dataclass(frozen=True, kw_only=True, slots=True)
class SlotHolder:
    """A run that counts for the limit of a queue."""

    deployment: str
    run_id: str
    #: When it was taken from the run queue, in seconds since 1970, or else when it came there.
    since: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Backlog:
    """How many wait, and since when the first of them does."""

    count: int = 0
    oldest_at: float | None = None

    def with_more(self, other: Backlog) -> Backlog:
        """Both together."""
        ages = [at for at in (self.oldest_at, other.oldest_at) if at is not None]
        return Backlog(count=self.count + other.count, oldest_at=min(ages, default=None))


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueView:
    """A queue and all that is known of it, at one time."""

    queue: Queue
    #: When this was, in seconds since 1970.
    at: float
    agents: tuple[QueueAgent, ...]
    #: Since when no agent serves it: when the last one that did was heard of, or else since its
    #: locations are there. ``None`` while one serves it, and where nothing is to be served.
    unserved_since: float | None
    locations: tuple[QueuedLocation, ...]
    #: The names of agent tokens that grant it by its name, for those who may see tokens.
    tokens: tuple[str, ...]
    #: Requests of every kind that no agent has taken, in the deployments that the viewer may see.
    requests: Backlog
    #: Runs that are queued, in the same deployments.
    runs: Backlog
    #: How many runs count for its limit, in all deployments.
    running: int
    #: Those of them in the deployments that the viewer may see, the oldest first.
    holders: tuple[SlotHolder, ...]
    #: Runs that agents took in each of the last 60 minutes, the oldest minute first.
    dispatched: tuple[int, ...]

    @property
    def pause(self) -> QueuePause | None:
        """The pause that holds its runs."""
        return self.queue.pause_at(self.at)

    @property
    def is_served(self) -> bool:
        """Whether a live agent serves it."""
        return bool(self.agents)

    @property
    def is_missed(self) -> bool:
        """Whether something is on it that no live agent serves."""
        needed = bool(self.locations or self.runs.count or self.requests.count)
        return needed and not self.is_served

    @property
    def is_full(self) -> bool:
        """Whether its limit is reached."""
        return self.queue.limit is not None and self.running >= self.queue.limit

    @property
    def is_late(self) -> bool:
        """Whether a run has waited longer than it should."""
        longest, oldest = self.queue.longest_wait_seconds, self.runs.oldest_at
        return longest is not None and oldest is not None and self.at - oldest > longest

    @property
    def is_used(self) -> bool:
        """Whether something names it beside the command that has made it."""
        return bool(self.agents or self.locations or self.tokens or self.runs.count or self.running)
