"""Who is there, by heartbeats and by the calls of tokens."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from dagstead.plane.agents import Heartbeat
from dagstead.plane.presence import (
    MISSED_SECONDS,
    RECONNECT_SECONDS,
    SILENT_SECONDS,
    Presence,
    TokenCalls,
    last_heard,
    listed,
)
from tests.support.heartbeats import heartbeat_of

NOW = 1_000_000.0
DAY = 24 * 3600.0

ages = st.floats(0, 200)
maybe_ages = st.none() | ages


def calls(polled: float | None, asked: float | None, *, token: int = 1) -> dict[int, TokenCalls]:
    """The calls of a token, by how long ago they were."""
    return {
        token: TokenCalls(
            token_id=token,
            polled_at=None if polled is None else NOW - polled,
            asked_at=None if asked is None else NOW - asked,
        )
    }


def ids(beats: list[Heartbeat]) -> set[str]:
    return {beat.agent_id for beat in beats}


@given(polled=maybe_ages, asked=maybe_ages, beaten=ages)
def test_an_agent_alone_with_its_token_is_dead_when_that_is_silent(
    polled: float | None, asked: float | None, beaten: float
) -> None:
    presence = Presence(now=NOW, calls=calls(polled, asked))
    age = min(each for each in (polled, asked, NOW) if each is not None)

    alive = presence.alive([heartbeat_of(now=NOW - beaten)])

    assert bool(alive) is (age < SILENT_SECONDS and beaten < 90)


@given(first=ages, second=ages, polled=ages)
def test_of_several_agents_with_a_token_those_that_missed_two_beats_are_dead(
    first: float, second: float, polled: float
) -> None:
    beats = [
        heartbeat_of(now=NOW - first, agent_id="first"),
        heartbeat_of(now=NOW - second, agent_id="second"),
    ]

    alive = ids(Presence(now=NOW, calls=calls(polled, None)).alive(beats))

    if polled >= SILENT_SECONDS:
        assert alive == set()
    elif max(first, second) < 90:
        expected = {"first": first, "second": second}
        assert alive == {name for name, age in expected.items() if age < MISSED_SECONDS}


@given(polled=ages, up=ages)
def test_silence_while_the_server_was_away_says_nothing(polled: float, up: float) -> None:
    presence = Presence(now=NOW, calls=calls(polled, None), listening_since=NOW - up)
    if up < RECONNECT_SECONDS:
        assert not presence.is_silent(1)
    else:
        assert presence.is_silent(1) is (polled >= SILENT_SECONDS)


@given(polled=maybe_ages, asked=maybe_ages)
def test_an_agent_that_asks_for_its_locations_and_takes_no_work_is_busy_loading(
    polled: float | None, asked: float | None
) -> None:
    presence = Presence(now=NOW, calls=calls(polled, asked))
    asks = asked is not None and asked < SILENT_SECONDS
    polls = polled is not None and polled < SILENT_SECONDS
    assert presence.is_busy_loading(1) is (asks and not polls)


def test_a_token_whose_calls_were_never_recorded_is_judged_by_heartbeats() -> None:
    presence = Presence(now=NOW)
    assert presence.is_silent(1) is None
    assert presence.alive([heartbeat_of(now=NOW - 80)])
    assert not presence.alive([heartbeat_of(now=NOW - 91)])


def test_an_agent_was_last_heard_of_with_its_token_if_it_has_it_alone() -> None:
    presence = Presence(now=NOW, calls=calls(20, 30))
    beat, other = heartbeat_of(now=NOW - 40), heartbeat_of(now=NOW - 50, agent_id="other")
    assert last_heard(beat, presence, [beat]) == NOW - 20
    assert last_heard(beat, presence, [beat, other]) == NOW - 40


def test_lists_leave_out_the_dead_that_were_replaced_or_are_long_gone() -> None:
    alive = heartbeat_of(now=NOW)
    before = heartbeat_of(now=NOW - 100, agent_id="before")
    peer = replace(before, agent_id="peer", label="another")
    gone = replace(peer, agent_id="gone", received_at=NOW - DAY - 1)

    assert ids(listed([alive, before, peer, gone], [alive], NOW)) == {"a-1", "peer"}
    assert ids(listed([before], [], NOW)) == {"before"}

    # The pool of a machine has another token after every start.
    renewed = replace(before, token_id=2)
    names = {1: "pool of host", 2: "pool of host"}
    assert ids(listed([alive, renewed], [alive], NOW)) == {"a-1", "before"}
    assert ids(listed([alive, renewed], [alive], NOW, names)) == {"a-1"}
