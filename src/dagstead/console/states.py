"""States as pages show them: a word, and one of four looks. Never a colour alone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dagstead.control.alerts import ShownPolicy
from dagstead.plane.agent_cards import AgentCard
from dagstead.plane.agents import AgentStatus
from dagstead.plane.alert_deliveries import AlertDelivery, DeliveryState
from dagstead.plane.code_servers import ServerState
from dagstead.plane.location_status import Condition, LocationStatus
from dagstead.plane.problems import Problem, Weight
from dagstead.plane.queue_views import QueueView
from dagstead.plane.release_changes import ChangeKind
from dagstead.plane.releases import PartState, ReleaseState
from dagstead.plane.tokens import Token


class Look(StrEnum):
    """How a state looks."""

    FINE = "fine"
    WAITING = "waiting"
    ATTENTION = "attention"
    WRONG = "wrong"
    #: What is over, and concerns nobody.
    QUIET = "quiet"


@dataclass(frozen=True, slots=True)
class ShownState:
    """A state on a page."""

    word: str
    look: Look
    #: The same in more words, where there are more.
    more: str = ""


_CONDITIONS = {
    Condition.LIVE: ShownState("Live", Look.FINE),
    Condition.LOADING: ShownState("Loading", Look.WAITING),
    Condition.UNSERVED: ShownState("Unserved", Look.WRONG),
    Condition.IN_ERROR: ShownState("In error", Look.WRONG),
}
_RELEASES = {
    ReleaseState.LOADING: ShownState("Loading", Look.WAITING),
    ReleaseState.LIVE: ShownState("Live", Look.FINE),
    ReleaseState.PARTIAL: ShownState("Live in part", Look.ATTENTION),
    ReleaseState.FAILED: ShownState("Failed", Look.WRONG),
    ReleaseState.SUPERSEDED: ShownState("Superseded", Look.QUIET),
}
_SERVERS = {
    ServerState.STARTING: ShownState("Starting", Look.WAITING),
    ServerState.RUNNING: ShownState("Running", Look.FINE),
    ServerState.FAILED: ShownState("Failed", Look.WRONG),
}
_PARTS = {
    PartState.LOADING: ShownState("Loading", Look.WAITING),
    PartState.LOADED: ShownState("Loaded", Look.WAITING, "waits for the others"),
    PartState.LIVE: ShownState("Live", Look.FINE),
    PartState.FAILED: ShownState("Failed", Look.WRONG),
    PartState.BACK: ShownState("Went back", Look.ATTENTION),
    PartState.SUPERSEDED: ShownState("Superseded", Look.QUIET),
}
_CHANGES = {
    ChangeKind.NEW: ShownState("New", Look.WAITING),
    ChangeKind.CHANGED: ShownState("Changed", Look.WAITING),
    ChangeKind.SAME: ShownState("Same as before", Look.QUIET),
    ChangeKind.REMOVED: ShownState("Removed", Look.ATTENTION),
    ChangeKind.UNKNOWN: ShownState("Not compared", Look.QUIET),
}


def of_location(status: LocationStatus, now: float) -> ShownState:
    """What can be expected of a location."""
    match status.condition:
        case Condition.HEALING:
            return ShownState("Healing", Look.WRONG, _tries(status, now))
        case Condition.IN_ERROR if status.serves is not None:
            return ShownState("In error", Look.ATTENTION, f"serves {status.serves}")
        case condition:
            return _CONDITIONS[condition]


def of_release(state: ReleaseState) -> ShownState:
    """How far a release is."""
    return _RELEASES[state]


def of_part(state: PartState) -> ShownState:
    """How far a location of a release is."""
    return _PARTS[state]


def of_change(kind: ChangeKind) -> ShownState:
    """What became of a location."""
    return _CHANGES[kind]


def of_agent(agent: AgentCard) -> ShownState:
    """Whether an agent is there."""
    if agent.status is not AgentStatus.RUNNING:
        return ShownState("Down", Look.WRONG)
    if agent.is_busy_loading:
        return ShownState("Loading code", Look.WAITING)
    if agent.refused_queues or agent.token_fault:
        return ShownState("Running", Look.ATTENTION)
    return ShownState("Running", Look.FINE)


def of_server(state: ServerState) -> ShownState:
    """How a code server is."""
    return _SERVERS[state]


def of_queue(view: QueueView) -> ShownState:
    """Whether runs of a queue start: what holds them most comes first."""
    if view.pause is not None:
        return ShownState("Paused", Look.ATTENTION, f"by {view.pause.by}")
    found = (
        (view.is_missed, ShownState("Unserved", Look.WRONG)),
        (not view.is_served, ShownState("Not used", Look.QUIET)),
        (view.is_late, ShownState("Late", Look.ATTENTION)),
        (view.is_full, ShownState("Full", Look.WAITING)),
    )
    return next((state for holds, state in found if holds), ShownState("Served", Look.FINE))


def of_problem(problem: Problem) -> ShownState:
    """How bad a problem is."""
    if problem.weight is Weight.WRONG:
        return ShownState("Wrong", Look.WRONG)
    return ShownState("Check", Look.ATTENTION)


def of_alert_policy(shown: ShownPolicy) -> ShownState:
    """Whether it sends something, and something fires."""
    last = shown.last
    found = (
        (not shown.stored.policy.is_enabled, ShownState("Off", Look.QUIET)),
        (
            last is not None and last.state is DeliveryState.GIVEN_UP,
            ShownState("Does not arrive", Look.WRONG),
        ),
        (shown.silence is not None, ShownState("Silent", Look.ATTENTION)),
        (bool(shown.firing), ShownState("Fires", Look.ATTENTION)),
    )
    return next((state for holds, state in found if holds), ShownState("Quiet", Look.FINE))


def of_delivery(delivery: AlertDelivery) -> ShownState:
    """How far a message is."""
    match delivery.state:
        case DeliveryState.SENT:
            return ShownState("Sent", Look.FINE)
        case DeliveryState.GIVEN_UP:
            return ShownState("Given up", Look.WRONG)
        case DeliveryState.MUTED:
            return ShownState("Muted", Look.QUIET)
        case DeliveryState.WAITING if delivery.tries:
            return ShownState("Tried again", Look.ATTENTION)
        case DeliveryState.WAITING:
            return ShownState("Waits", Look.WAITING)


def of_token(token: Token, now: float) -> ShownState:
    """Whether a token opens anything."""
    if token.revoked_at is not None:
        return ShownState("Revoked", Look.QUIET)
    if not token.is_valid_at(now):
        return ShownState("Expired", Look.QUIET)
    if token.ends_soon(now):
        return ShownState("Ends soon", Look.ATTENTION)
    return ShownState("Valid", Look.FINE)


def _tries(status: LocationStatus, now: float) -> str:
    if status.next_at is None:
        return f"try {status.tries} under way"
    return f"try {status.tries + 1} in {max(0.0, status.next_at - now):.0f} s"
