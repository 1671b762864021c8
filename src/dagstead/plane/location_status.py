"""The one truth of a location, from everything that is known of it.

Every list, query and refusal shows what :func:`status_of` returns, in its words.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from dagstead.plane.agents import Heartbeat
from dagstead.plane.code_servers import ServerReport, ServerState
from dagstead.plane.healing import failed_again
from dagstead.plane.locations import LoadState, Location
from dagstead.plane.releases import PreviousRelease

_SETTLED_SECONDS = 5.0
_BUSY = "Its agent is starting the code servers of its locations, and takes no work yet."


class Condition(StrEnum):
    """What can be expected of a location now."""

    #: Its newest deploy serves.
    LIVE = "live"
    #: An agent is loading it.
    LOADING = "loading"
    #: It cannot be loaded, and its agents are to try again.
    HEALING = "healing"
    #: Its newest deploy cannot be loaded; the one before may serve.
    IN_ERROR = "in error"
    #: No agent takes its requests.
    UNSERVED = "unserved"


@dataclass(frozen=True, kw_only=True, slots=True)
class Attendance:
    """Whether agents take the requests of a location."""

    #: Why nobody does; ``None`` when somebody does, or may soon.
    unserved: str | None = None
    #: Since when nobody does.
    since: float | None = None
    #: Whether its agents are there, and take no work until they have loaded their locations.
    is_busy_loading: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What is known of a location at one time."""

    location: Location
    attendance: Attendance
    #: Those of live agents that serve it, from heartbeats after its last change.
    servers: Sequence[ServerReport] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class LocationStatus:
    """The state of a location that all readers show."""

    condition: Condition
    #: Why it is not live, in sentences for people; ``None`` where its own error says it.
    reason: str | None = None
    #: Since when it is so, in seconds since 1970, if that is known.
    since: float | None = None
    #: What serves in its place, where the newest release did not go live.
    serves: PreviousRelease | None = None
    #: The number of the try under way, or of the last one.
    tries: int = 0
    #: When the next try is due; ``None`` while one is under way.
    next_at: float | None = None

    @property
    def is_usable(self) -> bool:
        """Whether its code can be called, now or in a moment."""
        if self.condition is Condition.IN_ERROR:
            return self.serves is not None
        return self.condition in {Condition.LIVE, Condition.LOADING}

    @property
    def awaits_agent(self) -> bool:
        """Whether it becomes usable only when an agent loads it."""
        return self.condition in {Condition.LOADING, Condition.UNSERVED}

    def __str__(self) -> str:
        match self.condition:
            case Condition.UNSERVED:
                return f"nobody serves it{_since(self.since)}"
            case Condition.HEALING:
                due = self.next_at
                when = " under way" if due is None else f", next at {_written(due)}"
                return f"in error, healing (try {self.tries}{when})"
            case Condition.IN_ERROR if self.serves is not None:
                return f"in error, serving {self.serves}"
            case _:
                return str(self.condition)


def status_of(facts: Facts) -> LocationStatus:
    """The state of a location.

    What keeps everything from working comes first: without an agent nothing can be loaded or
    healed.
    """
    attendance = facts.attendance
    if attendance.unserved is not None:
        return LocationStatus(
            condition=Condition.UNSERVED, reason=attendance.unserved, since=attendance.since
        )
    if facts.location.is_loading:
        return LocationStatus(condition=Condition.LOADING)
    return _broken(facts) or _serving(facts)


def _broken(facts: Facts) -> LocationStatus | None:
    """The status of a location whose code cannot be called; ``None`` of any other."""
    location, healing = facts.location, facts.location.healing
    failing = _why_failing(facts)
    if not location.is_broken and failing is None:
        return None
    if healing is None or not healing.tries:
        since = None if healing is None else healing.since
        return LocationStatus(condition=Condition.IN_ERROR, reason=failing, since=since)
    is_under_way = location.state is LoadState.LOADING
    return LocationStatus(
        condition=Condition.HEALING,
        reason=failing,
        since=healing.since,
        tries=healing.tries,
        next_at=None if is_under_way else healing.next_at,
    )


def _serving(facts: Facts) -> LocationStatus:
    """The status of a location whose code is loaded."""
    location = facts.location
    if facts.attendance.is_busy_loading:
        return LocationStatus(condition=Condition.LOADING, reason=_BUSY)
    if location.notice is not None:
        before = PreviousRelease(release=location.release)
        return LocationStatus(condition=Condition.IN_ERROR, serves=before)
    return LocationStatus(condition=Condition.LIVE)


def reports_on(location: Location, beats: Iterable[Heartbeat]) -> tuple[ServerReport, ...]:
    """What heartbeats say of the code server of a location, as it is now.

    Only a heartbeat some seconds after the last change says anything about it. While an agent loads
    them, it reports what it had before: after a release that failed, the error of that.
    """
    if location.state is LoadState.LOADING:
        return ()
    return tuple(
        report
        for beat in beats
        if is_settled(location, beat.received_at)
        for report in beat.servers
        if report.location == location.name and beat.deployment == location.deployment
    )


def is_settled(location: Location, at: float) -> bool:
    """Whether an agent has put the code server of a location to work, as it is now.

    It uploads definitions a moment before, and answers from the server before until then.
    """
    return at >= location.updated_at + _SETTLED_SECONDS


def needs_healing(facts: Facts, now: float) -> bool:
    """Whether the agents of a location are to load it anew, now.

    Not while they are at it: a code server that starts slowly would be stopped by the next try.
    """
    location = facts.location
    status = status_of(facts)
    if location.state is LoadState.LOADING or status.is_usable or _is_held(location):
        return False
    if status.condition is Condition.UNSERVED:
        return False
    return now >= (location.healing or failed_again(None, location.updated_at)).next_at


def _is_held(location: Location) -> bool:
    """Whether its code loads, and waits for a release in which all others load, too."""
    return location.state is LoadState.LOADED and location.manifest is None


def _why_failing(facts: Facts) -> str | None:
    """The error of code that had loaded, if no agent is known to run it."""
    if facts.location.refused is not None:
        return facts.location.refused.reason
    failed = [report for report in facts.servers if report.state is ServerState.FAILED]
    if failed and len(failed) == len(facts.servers):
        return failed[0].error or "Its agent reports that its code server has failed."
    return None


def _since(moment: float | None) -> str:
    return "" if moment is None else f" since {_written(moment)}"


def _written(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%SZ}"
