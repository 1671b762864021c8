"""Who may have a request again."""

from __future__ import annotations

import dataclasses

import pytest

from dagstead.plane.agents import ALIVE_SECONDS, Heartbeat
from dagstead.plane.requests import LAUNCH_RUN, Request, RequestState, holder_is_gone
from tests.support.heartbeats import heartbeat_of


def beat(*, seen: float, first: float, token_id: int = 1) -> Heartbeat:
    return heartbeat_of(now=seen, first_received_at=first, token_id=token_id)


def leased(at: float) -> Request:
    return Request(
        id="r",
        api=LAUNCH_RUN,
        deployment="prod",
        is_branch=False,
        queue=None,
        location="weather",
        run_id="run",
        body="",
        state=RequestState.LEASED,
        created_at=0,
        expires_at=9e9,
        leased_at=at,
        leased_by=1,
        deliveries=1,
        begun_by=None,
    )


@pytest.mark.parametrize(
    ("now", "beats", "gone"),
    [
        pytest.param(1000, [beat(seen=990, first=0)], False, id="its only agent lives"),
        pytest.param(1000, [beat(seen=800, first=0)], True, id="its only agent is silent"),
        pytest.param(1000, [], True, id="it never said a word"),
        pytest.param(
            1000, [beat(seen=990, first=950)], True, id="only an agent that came later lives"
        ),
        pytest.param(1000, [beat(seen=990, first=0, token_id=2)], True, id="a stranger lives"),
        pytest.param(
            1000,
            [beat(seen=800, first=0), beat(seen=990, first=1)],
            False,
            id="one of two with the same token lives",
        ),
        pytest.param(700 + ALIVE_SECONDS - 1, [], False, id="too early to say"),
    ],
)
def test_when_the_holder_of_a_request_counts_as_gone(
    now: float, beats: list[Heartbeat], *, gone: bool
) -> None:
    assert holder_is_gone(leased(700), beats, now) is gone


def test_a_waiting_request_has_no_holder() -> None:
    waiting = dataclasses.replace(leased(0), leased_at=None, state=RequestState.WAITING)

    assert not holder_is_gone(waiting, [], 1e9)
