"""Why something waits or does not work: the one answer for the command line, pages and run logs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum


class ReasonCode(StrEnum):
    """What something waits for; the names never change."""

    # Nobody is there.
    UNSERVED_QUEUE = "UNSERVED_QUEUE"
    AGENTS_DOWN = "AGENTS_DOWN"
    NOT_ALLOWED = "NOT_ALLOWED"
    NOT_GRANTED = "NOT_GRANTED"
    DEPLOYMENT_UNSERVED = "DEPLOYMENT_UNSERVED"
    # Somebody is there, and has not done it yet.
    WAITS_FOR_AGENT = "WAITS_FOR_AGENT"
    POPPED_NOT_ANSWERED = "POPPED_NOT_ANSWERED"
    AGENT_LOST = "AGENT_LOST"
    # Its code.
    SERVER_STARTING = "SERVER_STARTING"
    SERVER_AWAY = "SERVER_AWAY"
    IMAGE_PULL = "IMAGE_PULL"
    LOAD_ERROR = "LOAD_ERROR"
    WAITS_FOR_RELEASE = "WAITS_FOR_RELEASE"
    WORKER_STARTING = "WORKER_STARTING"
    # Somebody wants it so.
    QUEUE_PAUSED = "QUEUE_PAUSED"
    QUEUE_LIMIT = "QUEUE_LIMIT"
    ORGANIZATION_PAUSED = "ORGANIZATION_PAUSED"
    DEPLOYMENT_CLOSED = "DEPLOYMENT_CLOSED"
    RUN_LIMIT = "RUN_LIMIT"
    TAG_LIMIT = "TAG_LIMIT"
    CONCURRENCY_POOL = "CONCURRENCY_POOL"
    # The control plane.
    NO_DAEMON = "NO_DAEMON"
    NOT_SUBMITTED = "NOT_SUBMITTED"
    WAITS_FOR_DEQUEUE = "WAITS_FOR_DEQUEUE"
    # It does not wait.
    RUNNING = "RUNNING"
    ENDING = "ENDING"
    ENDED = "ENDED"
    LIVE = "LIVE"
    ANSWERED = "ANSWERED"
    EXPIRED = "EXPIRED"
    UNKNOWN = "UNKNOWN"


#: Of what goes on, or is over.
_AT_REST = frozenset(
    {
        ReasonCode.RUNNING,
        ReasonCode.ENDED,
        ReasonCode.LIVE,
        ReasonCode.ANSWERED,
        ReasonCode.EXPIRED,
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Mend:
    """What would help."""

    #: A sentence.
    says: str
    #: To paste into a shell.
    command: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class WaitStep:
    """One link of the chain from a thing to what it waits for in the end."""

    code: ReasonCode
    #: A sentence.
    says: str
    #: Since when, in seconds since 1970, if that is known.
    since: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Reason:
    """Why something waits or does not work, or that it does neither."""

    code: ReasonCode
    #: One sentence with the facts.
    says: str
    #: Since when, in seconds since 1970, if that is known.
    since: float | None = None
    #: What it is about: the queue, the pool, the tag. With the code it says whether a reason is
    #: another one than before, where only its numbers have changed.
    about: str | None = None
    #: From the thing itself to what it waits for in the end.
    chain: Sequence[WaitStep] = ()
    mend: Mend | None = None

    @property
    def key(self) -> str:
        """The same for two reasons that differ in their numbers only."""
        return str(self.code) if self.about is None else f"{self.code} {self.about}"

    @property
    def is_waiting(self) -> bool:
        """Whether something waits or is broken."""
        return self.code not in _AT_REST

    def after(self, *steps: WaitStep) -> Reason:
        """The same at the end of a chain of these steps."""
        own = self.chain or (WaitStep(code=self.code, says=self.says, since=self.since),)
        return replace(self, chain=(*steps, *own))

    @property
    def in_full(self) -> str:
        """The sentence, what would help, and the command."""
        mend = self.mend
        return str(self) if mend is None or mend.command is None else f"{self} `{mend.command}`"

    def __str__(self) -> str:
        return self.says if self.mend is None else f"{self.says} {self.mend.says}"


class SubjectKind(StrEnum):
    """The kinds of things that wait."""

    RUN = "run"
    LOCATION = "location"
    REQUEST = "request"


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """What was asked about."""

    kind: SubjectKind
    #: Of a run or a request, the whole id; of a location, its name.
    id: str
    deployment: str
    location: str | None = None
    #: ``None`` is the default queue, where there is a location.
    queue: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SubjectReason:
    """The answer about one thing."""

    subject: Subject
    reason: Reason


@dataclass(frozen=True, kw_only=True, slots=True)
class RunWait:
    """A run that has not started."""

    run_id: str
    deployment: str
    location: str | None
    queue: str | None
    #: Since when it waits, in seconds since 1970.
    since: float
    reason: Reason


@dataclass(frozen=True, kw_only=True, slots=True)
class RunWaits:
    """Runs that have not started: those that wait longest, and how many there are."""

    rows: Sequence[RunWait]
    total: int


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestWait:
    """A request without an answer."""

    id: str
    #: What it asks for, in the words of the protocol.
    api: str
    deployment: str
    location: str | None
    queue: str | None
    run_id: str | None
    #: Since when, in seconds since 1970.
    since: float
    reason: Reason


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestWaits:
    """Requests without an answer: those that wait longest, and how many there are."""

    rows: Sequence[RequestWait]
    total: int


def written(moment: float) -> str:
    """A point in time in a sentence."""
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M:%S} UTC"


def unknown(because: str, ask: Mend) -> Reason:
    """That nobody knows, and what would find it out.

    Args:
        because: words after "because".
        ask: what would.
    """
    return Reason(
        code=ReasonCode.UNKNOWN, says=f"The reason is unknown, because {because}.", mend=ask
    )
