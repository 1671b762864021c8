"""The run queue of a deployment: which runs a limit holds, as open-source Dagster decides it.

It follows ``QueuedRunCoordinatorDaemon._get_runs_to_dequeue``, which says of a run that it is
blocked, and never to anybody by what.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from dagstead.plane.reasons import Mend, Reason, ReasonCode

#: Of those that hold a limit, more names make a sentence unreadable.
_MOST_HOLDERS = 3

_OF_POOL = Mend(
    says="Wait for these, or raise the limit of the pool in the UI, at Deployment, Concurrency."
)


class RunStatus(StrEnum):
    """The statuses of runs, in Dagster's words."""

    NOT_STARTED = "NOT_STARTED"
    QUEUED = "QUEUED"
    STARTING = "STARTING"
    STARTED = "STARTED"
    CANCELING = "CANCELING"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    CANCELED = "CANCELED"


@dataclass(frozen=True, kw_only=True, slots=True)
class PoolNeed:
    """The pools of a run's steps."""

    #: Of its first steps, by pool.
    first: Mapping[str, int]
    every: frozenset[str]
    #: Whether a first step needs none.
    has_free_step: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class QueuedRun:
    """A run as Dagster's storage has it."""

    run_id: str
    status: RunStatus
    location: str | None
    created_at: float
    #: When its status last changed, or its tags.
    updated_at: float
    started_at: float | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    pools: PoolNeed | None = None
    #: What its log says of its failure, of a run that has failed.
    failure: str | None = None

    @property
    def priority(self) -> int:
        """The higher one goes first."""
        try:
            return int(self.tags.get("dagster/priority", "0"))
        except ValueError:
            return 0

    @property
    def short(self) -> str:
        """Its id as pages show it."""
        return self.run_id[:8]


@dataclass(frozen=True, kw_only=True, slots=True)
class TagLimit:
    """A limit of runs with a tag."""

    key: str
    limit: int
    #: ``None`` is any.
    value: str | None = None
    per_value: bool = False

    @classmethod
    def of_setting(cls, given: Mapping[str, Any]) -> Self:
        """An entry of Dagster's ``tag_concurrency_limits``."""
        value = given.get("value")
        return cls(
            key=given["key"],
            limit=given["limit"],
            value=value if isinstance(value, str) else None,
            per_value=isinstance(value, Mapping) and bool(value.get("applyLimitPerUniqueValue")),
        )

    def of(self, tags: Mapping[str, str]) -> str | None:
        """What of a run's tags it counts; ``None`` when it does not concern the run."""
        value = tags.get(self.key)
        if value is None or (self.value is not None and self.value != value):
            return None
        return self.key if self.value is None and not self.per_value else f"{self.key}={value}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Pool:
    """A concurrency pool, and who has its slots."""

    name: str
    slots: int
    #: Steps that have a slot, or are about to, by run.
    claimed: Sequence[str] = ()
    #: The runs of steps that wait for one.
    pending: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueLimits:
    """The limits of a deployment's run queue."""

    #: ``None`` is no limit.
    runs: int | None = None
    tags: Sequence[TagLimit] = ()
    pools: Mapping[str, Pool] = field(default_factory=dict)
    #: Whether runs that could only wait for a pool are held in the queue.
    pools_hold_runs: bool = False
    #: Whether a run takes one slot of each of its pools, and not its steps.
    pools_count_runs: bool = False
    #: How many runs more than there are slots are started.
    pool_buffer: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class RunQueue:
    """The run queue of a deployment at one time."""

    deployment: str
    #: The oldest first.
    queued: Sequence[QueuedRun] = ()
    #: Starting, started, and being ended.
    active: Sequence[QueuedRun] = ()
    limits: QueueLimits = field(default_factory=QueueLimits)


@dataclass(frozen=True, kw_only=True, slots=True)
class Hold:
    """A limit that holds a run back."""

    code: ReasonCode
    #: The pool or the tag.
    about: str | None
    limit: int
    used: int
    #: Runs that are under way, and have it.
    holders: Sequence[str]
    #: How it is raised.
    mend: Mend
    #: Whose runs it counts, in a sentence; a pool has steps of runs.
    within: str = ""

    @property
    def reason(self) -> Reason:
        """The sentence."""
        match self.code:
            case ReasonCode.TAG_LIMIT:
                what = f"The limit of runs with the tag {self.about!r} in {self.within} is reached"
            case ReasonCode.CONCURRENCY_POOL:
                what = f"The slots of concurrency pool {self.about!r} are taken"
            case _:
                what = f"The limit of runs under way in {self.within} is reached"
        says = f"{what}: {self.used} of {self.limit}{_held_by(self.holders)}."
        return Reason(code=self.code, says=says, about=self.about, mend=self.mend)


class TagCounts:
    """How many runs there are of what limits of tags count."""

    def __init__(self, limits: Sequence[TagLimit]) -> None:
        """None so far."""
        self._limits = limits
        self._counts: Counter[tuple[TagLimit, str]] = Counter()

    def add(self, tags: Mapping[str, str]) -> None:
        """Count a run in, by its tags."""
        self._counts.update(self._concerned(tags))

    def full(self, tags: Mapping[str, str]) -> TagUse | None:
        """The first limit that holds a run with these tags."""
        for limit, about in self._concerned(tags):
            used = self._counts[limit, about]
            if used >= limit.limit:
                return TagUse(limit=limit, about=about, used=used)
        return None

    def _concerned(self, tags: Mapping[str, str]) -> Iterator[tuple[TagLimit, str]]:
        for limit in self._limits:
            about = limit.of(tags)
            if about is not None:
                yield limit, about


@dataclass(frozen=True, kw_only=True, slots=True)
class TagUse:
    """What is used of a limit of tags."""

    limit: TagLimit
    #: The tag that it counts.
    about: str
    used: int

    def counts(self, tags: Mapping[str, str]) -> bool:
        """Whether a run with these tags is one of those."""
        return self.limit.of(tags) == self.about


def holds(queue: RunQueue) -> Mapping[str, Hold]:
    """The limit that holds a run back, by run; without the runs that are next."""
    limits = queue.limits
    used = len(queue.active)
    everybody = Hold(
        code=ReasonCode.RUN_LIMIT,
        about=None,
        limit=limits.runs or 0,
        used=used,
        holders=[run.run_id for run in queue.active],
        within=_deployment(queue.deployment),
        mend=_in_settings(queue.deployment, "max_concurrent_runs"),
    )
    if limits.runs is not None and used >= limits.runs:
        return {run.run_id: everybody for run in queue.queued}
    found: dict[str, Hold] = {}
    counters = _Counters(queue)
    free = None if limits.runs is None else limits.runs - used
    for run in in_order(queue.queued):
        hold = counters.take(run)
        if hold is None and free is not None:
            free -= 1
            hold = everybody if free < 0 else None
        if hold is not None:
            found[run.run_id] = hold
    return found


def in_order(queued: Sequence[QueuedRun]) -> list[QueuedRun]:
    """Queued runs, the one first that goes first."""
    return sorted(queued, key=lambda run: run.priority, reverse=True)


def holding_steps(run: QueuedRun, limits: QueueLimits) -> Hold | None:
    """The pool for which a step of a run under way waits."""
    for pool in limits.pools.values():
        if run.run_id in pool.pending and run.run_id not in pool.claimed:
            holders = [each for each in dict.fromkeys(pool.claimed) if each != run.run_id]
            return Hold(
                code=ReasonCode.CONCURRENCY_POOL,
                about=pool.name,
                limit=pool.slots,
                used=len(pool.claimed),
                holders=holders,
                mend=_OF_POOL,
            )
    return None


class _Counters:
    """What is taken of the limits, by runs under way and by those that are next."""

    def __init__(self, queue: RunQueue) -> None:
        self._queue = queue
        self._limits = queue.limits
        self._tags = TagCounts(self._limits.tags)
        self._pools: Counter[str] = Counter()
        for run in queue.active:
            self._tags.add(run.tags)
            if self._takes_slots(run):
                self._count_pools(run)

    def take(self, run: QueuedRun) -> Hold | None:
        """Count a run in, unless a limit holds it."""
        hold = self._by_tag(run)
        if hold is not None:
            return hold
        # Dagster counts it in before it looks at the pools.
        self._tags.add(run.tags)
        if not self._limits.pools_hold_runs:
            return None
        hold = self._by_pool(run)
        if hold is None:
            self._count_pools(run)
        return hold

    def _count_pools(self, run: QueuedRun) -> None:
        self._pools.update(self._slots(run))

    def _slots(self, run: QueuedRun) -> Mapping[str, int]:
        if run.pools is None:
            return {}
        return dict.fromkeys(run.pools.every, 1) if self._of_runs else run.pools.first

    @property
    def _of_runs(self) -> bool:
        return self._limits.pools_count_runs

    def _takes_slots(self, run: QueuedRun) -> bool:
        # Steps that have started are counted by the pool itself.
        return self._of_runs or run.status is RunStatus.STARTING

    def _by_tag(self, run: QueuedRun) -> Hold | None:
        use = self._tags.full(run.tags)
        if use is None:
            return None
        return Hold(
            code=ReasonCode.TAG_LIMIT,
            about=use.about,
            limit=use.limit.limit,
            used=use.used,
            holders=[each.run_id for each in self._queue.active if use.counts(each.tags)],
            within=_deployment(self._queue.deployment),
            mend=_in_settings(self._queue.deployment, "concurrency.runs.tag_concurrency_limits"),
        )

    def _by_pool(self, run: QueuedRun) -> Hold | None:
        need = run.pools
        if need is None or (not self._of_runs and need.has_free_step):
            return None
        names = sorted(need.every if self._of_runs else need.first)
        known = [self._limits.pools.get(name) for name in names]
        full = [pool for pool in known if pool is not None and self._free(pool) <= 0]
        is_held = bool(full) if self._of_runs else bool(full) and len(full) == len(known)
        return self._of_pool(full[0]) if is_held else None

    def _free(self, pool: Pool) -> int:
        waiting = 0 if self._of_runs else len(pool.pending)
        return pool.slots - waiting - self._pools[pool.name] + self._limits.pool_buffer

    def _of_pool(self, pool: Pool) -> Hold:
        users = [
            each.run_id
            for each in self._queue.active
            if self._takes_slots(each) and pool.name in self._slots(each)
        ]
        holders = list(dict.fromkeys([*pool.claimed, *pool.pending, *users]))
        return Hold(
            code=ReasonCode.CONCURRENCY_POOL,
            about=pool.name,
            limit=pool.slots,
            used=pool.slots + self._limits.pool_buffer - self._free(pool),
            holders=holders,
            mend=_OF_POOL,
        )


def _deployment(name: str) -> str:
    return f"deployment {name!r}"


def _in_settings(deployment: str, setting: str) -> Mend:
    return Mend(
        says=f"Wait for these, or raise {setting} in the settings of the deployment.",
        command=f"dagstead deployment settings {deployment}",
    )


def _held_by(holders: Sequence[str]) -> str:
    if not holders:
        return ""
    named = ", ".join(run_id[:8] for run_id in holders[:_MOST_HOLDERS])
    more = len(holders) - _MOST_HOLDERS
    return f", held by {named} and {more} more" if more > 0 else f", held by {named}"
