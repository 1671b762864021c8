"""The tables of the release machine: which state follows which event, and with what effect.

The machine looks up every step here, and ``docs/architecture.md`` shows the same tables.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum

from dagstead.plane.locations import LoadState, Location
from dagstead.plane.releases import OPEN_PARTS, PartState, ReleaseState

_LOADING = frozenset({PartState.LOADING})
_LOADED = frozenset({PartState.LOADED})


class PartEvent(StrEnum):
    """The events of one location of a release."""

    DEFINITIONS = "its definitions arrive"
    ERROR = "its agent reports an error"
    COMPLETE = "all locations have loaded; without atomicity, it has"
    ABANDONED = "another one failed, or the release is ended"
    REDEPLOYED = "a newer release, or a rollback, deploys it"
    DISCARDED = "a newer release, or a rollback, removes it"
    ADOPTED = "a newer release replaces this one, but not this location"
    UNDONE = "a rollback ends its release, and does not bring it back itself"
    DELETED = "it is removed by hand"


class Effect(StrEnum):
    """How a location changes when its part of a release changes its state."""

    WAITS = "waits for the others"
    GOES_LIVE = "serves the new definitions"
    RETURNS = "serves what was live before, with a notice"
    RELOADS = "loads what the newer release has"
    MOVES = "goes on as a part of the newer release"
    VANISHES = "is gone"


@dataclass(frozen=True, kw_only=True, slots=True)
class PartTransition:
    """A change of state of one location of a release."""

    name: str
    sources: frozenset[PartState]
    event: PartEvent
    target: PartState
    effect: Effect


PART_TRANSITIONS = (
    PartTransition(
        name="load",
        sources=OPEN_PARTS,
        event=PartEvent.DEFINITIONS,
        target=PartState.LOADED,
        effect=Effect.WAITS,
    ),
    PartTransition(
        name="go live",
        sources=_LOADED,
        event=PartEvent.COMPLETE,
        target=PartState.LIVE,
        effect=Effect.GOES_LIVE,
    ),
    PartTransition(
        name="fail",
        sources=OPEN_PARTS,
        event=PartEvent.ERROR,
        target=PartState.FAILED,
        effect=Effect.RETURNS,
    ),
    PartTransition(
        name="go back",
        sources=OPEN_PARTS,
        event=PartEvent.ABANDONED,
        target=PartState.BACK,
        effect=Effect.RETURNS,
    ),
    PartTransition(
        name="give way",
        sources=OPEN_PARTS,
        event=PartEvent.REDEPLOYED,
        target=PartState.SUPERSEDED,
        effect=Effect.RELOADS,
    ),
    PartTransition(
        name="withdraw",
        sources=OPEN_PARTS,
        event=PartEvent.DISCARDED,
        target=PartState.SUPERSEDED,
        effect=Effect.RETURNS,
    ),
    PartTransition(
        name="move on",
        sources=OPEN_PARTS,
        event=PartEvent.ADOPTED,
        target=PartState.SUPERSEDED,
        effect=Effect.MOVES,
    ),
    PartTransition(
        name="be undone",
        sources=OPEN_PARTS,
        event=PartEvent.UNDONE,
        target=PartState.BACK,
        effect=Effect.RETURNS,
    ),
    PartTransition(
        name="drop out",
        sources=OPEN_PARTS,
        event=PartEvent.DELETED,
        target=PartState.SUPERSEDED,
        effect=Effect.VANISHES,
    ),
)

_BY_STATE_AND_EVENT = {
    (state, transition.event): transition
    for transition in PART_TRANSITIONS
    for state in transition.sources
}


def part_transition(state: PartState, event: PartEvent) -> PartTransition | None:
    """The transition from a state on an event; ``None`` when the event changes nothing."""
    return _BY_STATE_AND_EVENT.get((state, event))


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """One of the ways in which a release ends."""

    name: str
    #: For people: which releases end like this.
    when: str
    state: ReleaseState
    #: Whether the locations that the release removes are removed.
    removes: bool


GIVE_WAY = Ending(
    name="give way",
    when="a newer release deploys or removes a location that it is loading",
    state=ReleaseState.SUPERSEDED,
    removes=False,
)
BE_UNDONE = Ending(
    name="be undone",
    when="a rollback begins: of it, of a location that it is loading, or of the whole deployment",
    state=ReleaseState.SUPERSEDED,
    removes=False,
)
_SUCCEED = Ending(
    name="succeed",
    when="all its locations are live, or were taken from it",
    state=ReleaseState.LIVE,
    removes=True,
)
_SUCCEED_IN_PART = Ending(
    name="succeed in part",
    when="some of its locations are live, others are not",
    state=ReleaseState.PARTIAL,
    removes=True,
)
_FAIL = Ending(
    name="fail",
    when="none of its locations is live",
    state=ReleaseState.FAILED,
    removes=False,
)

ENDINGS = (GIVE_WAY, BE_UNDONE, _SUCCEED, _SUCCEED_IN_PART, _FAIL)


def ending_of(states: AbstractSet[PartState]) -> Ending:
    """How a release ends, from the states of its parts, none of which is open."""
    if states <= {PartState.LIVE, PartState.SUPERSEDED}:
        return _SUCCEED
    return _SUCCEED_IN_PART if PartState.LIVE in states else _FAIL


class Standing(StrEnum):
    """The situations of a location outside any open release."""

    SERVING = "live"
    RETURNING = "live, after a release of it failed"
    FAILED = "never live; its own load failed"
    ASKED = "never live; it is loaded anew by hand"
    HELD = "never live; its release failed for another reason"


def standing_of(location: Location) -> Standing:
    """The situation of a location, apart from its open release."""
    if location.live is not None:
        return Standing.SERVING if location.notice is None else Standing.RETURNING
    if location.state is LoadState.FAILED or location.healing is not None:
        return Standing.FAILED
    return Standing.ASKED if location.notice is None else Standing.HELD


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrival:
    """The effect of definitions that no open release waits for."""

    name: str
    standing: Standing
    #: Whether they serve from now on.
    serves: bool
    #: Whether the error and the notice of an earlier failure are cleared.
    clears: bool


ARRIVALS = (
    Arrival(name="refresh", standing=Standing.SERVING, serves=True, clears=True),
    Arrival(name="return", standing=Standing.RETURNING, serves=True, clears=False),
    Arrival(name="recover", standing=Standing.FAILED, serves=True, clears=True),
    Arrival(name="go live alone", standing=Standing.ASKED, serves=True, clears=True),
    Arrival(name="stay back", standing=Standing.HELD, serves=False, clears=False),
)

_BY_STANDING = {arrival.standing: arrival for arrival in ARRIVALS}


def arrival_at(standing: Standing) -> Arrival:
    """The effect of definitions on a location in this situation."""
    return _BY_STANDING[standing]
