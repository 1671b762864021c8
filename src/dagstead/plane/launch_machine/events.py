"""What happens to the launches of a run."""

from __future__ import annotations

from dataclasses import dataclass, field

from dagstead.plane.launches import LaunchEnd, LaunchTags, RunEnd


@dataclass(frozen=True, kw_only=True, slots=True)
class Submission:
    """The run is put into the run queue, or is about to be offered."""

    #: Its location, and the queue that this is on now; no location where none is known.
    location: str | None = None
    queue: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Dequeue:
    """A daemon takes the run from the run queue."""

    #: For a run that was queued before runs had queues; see :class:`Submission`.
    location: str | None = None
    queue: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Fall:
    """The run goes to another queue, as nobody serves the one that it is on."""

    queue: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class LaunchOffer:
    """A request for its launch is queued."""

    request_id: str
    location: str | None = None
    queue: str | None = None
    tags: LaunchTags = field(default_factory=LaunchTags)


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """An agent polls, and gets the request."""

    request_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Return:
    """The agent that had the request is gone, and had not begun the run."""

    request_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Begin:
    """An agent asks at the gate whether it may start the run's worker."""

    agent_id: str
    #: Its token; ``None`` when the control plane itself notes a begin that was recorded elsewhere.
    token_id: int | None = None
    #: How often the request was handed out.
    deliveries: int = 1
    #: The queues that the token grants; ``None`` is all of them.
    grants: frozenset[str | None] | None = None
    #: Requests that launch the run, and that the token has not taken.
    others: frozenset[str | None] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class LaunchAnswer:
    """The agent says that it has started the worker."""

    request_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Start:
    """The run reports that it starts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerCall:
    """Somebody with the token of its agent asks for the run, as its worker would."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SignOfLife:
    """Nothing is known of its worker any more, or something is again."""

    #: ``None`` when something is.
    unknown_since: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class StopWish:
    """The run is to end."""

    end: RunEnd
    by: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class End:
    """The launch has ended."""

    ending: LaunchEnd
    #: The launch that is meant; ``None`` is the newest one.
    number: int | None = None


Event = (
    Submission
    | Dequeue
    | Fall
    | LaunchOffer
    | Delivery
    | Return
    | Begin
    | LaunchAnswer
    | Start
    | WorkerCall
    | SignOfLife
    | StopWish
    | End
)
