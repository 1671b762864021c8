"""A release is followed until it ends, and ended when the person or the time says so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import pytest

from dagstead.client.release_follower import ReleaseFollower
from dagstead.client.releases import Release, ReleasePart
from dagstead.errors import UnreachableError


def release(state: str, *parts: tuple[str, str, str]) -> Release:
    return Release(
        number=3,
        state=state,
        atomic=True,
        cause="deploy",
        undoes=None,
        back_to=None,
        commit_hash=None,
        url=None,
        by="ci",
        removes=(),
        reason=None,
        created_at=0.0,
        ended_at=None if state == "loading" else 5.0,
        parts=tuple(
            ReleasePart(
                location=name,
                queue=None,
                state=part_state,
                phase=phase,
                agents=("pool",),
                error=None,
                document={},
            )
            for name, part_state, phase in parts
        ),
    )


QUEUED = release("loading", ("weather", "loading", "queued"))
TAKEN = release("loading", ("weather", "loading", "taken"))
LIVE = release("live", ("weather", "live", "taken"))


@dataclass
class Server:
    """Answers in the order given; an error is raised."""

    answers: Iterator[Release | Exception]
    ended: list[str] = field(default_factory=list)

    def show(self, number: int) -> Release:
        assert number == 3
        answer = next(self.answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def end(self, number: int, reason: str) -> Release:
        assert number == 3
        self.ended.append(reason)
        return replace(QUEUED, state="failed", reason=reason)


@dataclass
class Time:
    now: float = 0.0

    def clock(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds


def follow(
    answers: Sequence[Release | Exception], *, timeout: float | None = None
) -> tuple[Release, list[Release], Server]:
    server, time = Server(iter(answers)), Time()
    seen: list[Release] = []
    following = ReleaseFollower(
        releases=server, on_change=seen.append, timeout=timeout, clock=time.clock, wait=time.wait
    )
    return following.until_ended(QUEUED), seen, server


def test_every_change_is_reported_once() -> None:
    ended, seen, server = follow([QUEUED, TAKEN, TAKEN, LIVE])
    assert ended == LIVE
    assert seen == [QUEUED, TAKEN, LIVE]
    assert server.ended == []


def test_when_the_time_is_over_the_release_is_ended() -> None:
    ended, _, server = follow([QUEUED] * 10, timeout=5)
    assert ended.state == "failed"
    assert server.ended == ["It had not loaded after 5 seconds (--timeout)."]


def test_a_server_that_is_started_anew_is_waited_for() -> None:
    ended, _, _ = follow([UnreachableError("away"), UnreachableError("away"), LIVE])
    assert ended == LIVE


def test_a_server_that_stays_away_is_not_waited_for_for_ever() -> None:
    with pytest.raises(UnreachableError):
        follow([UnreachableError("away")] * 200)


def test_ctrl_c_ends_the_release() -> None:
    server = Server(iter(()))
    seen: list[Release] = []

    def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    following = ReleaseFollower(releases=server, on_change=seen.append, wait=interrupted)
    with pytest.raises(KeyboardInterrupt):
        following.until_ended(QUEUED)
    assert server.ended == ["It was stopped by hand (ctrl-C)."]
    assert seen[-1].state == "failed"
