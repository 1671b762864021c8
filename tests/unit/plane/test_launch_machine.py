"""The launch machine, without a database."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import settings

from dagstead.plane.launch_machine.events import Begin, End, LaunchAnswer, Start, StopWish
from dagstead.plane.launch_machine.machine import REPEAT_SECONDS, LaunchStep, advance
from dagstead.plane.launches import How, Launch, LaunchEnd, LaunchState, RunEnd
from tests.support.launch_rules import LaunchRules

TestLaunches = LaunchRules.TestCase
TestLaunches.settings = settings(max_examples=200, stateful_step_count=15)

TAKEN = Launch(
    deployment="prod",
    run_id="run",
    number=1,
    state=LaunchState.TAKEN,
    created_at=0.0,
    request_id="r",
)
BEGUN = replace(TAKEN, state=LaunchState.BEGUN, begun_at=100.0, begun_by="a1")


def begin(launch: Launch, agent: str, *, deliveries: int = 1, now: float = 110.0) -> LaunchStep:
    event = Begin(agent_id=agent, deliveries=deliveries)
    return advance(launch, event, new=launch, now=now)


def end(launch: Launch, status: RunEnd | None, *, event: str | None = None) -> LaunchStep:
    ending = LaunchEnd(
        status=status, how=How.REPORTED, by="its log", reason="It said so.", event=event
    )
    return advance(launch, End(ending=ending), new=launch, now=200.0)


def test_a_call_whose_answer_was_lost_is_repeated_by_the_agent() -> None:
    assert begin(BEGUN, "a1").counts


@pytest.mark.parametrize(
    ("launch", "agent", "deliveries", "now"),
    [
        (BEGUN, "a2", 1, 110.0),
        (BEGUN, "a1", 2, 110.0),
        (BEGUN, "a1", 1, 101.0 + REPEAT_SECONDS),
        (replace(BEGUN, answered_at=105.0), "a1", 1, 110.0),
        (replace(BEGUN, started_at=105.0), "a1", 1, 110.0),
    ],
    ids=["another agent", "delivered twice", "long ago", "answered", "started"],
)
def test_nobody_begins_a_launch_a_second_time(
    launch: Launch, agent: str, deliveries: int, now: float
) -> None:
    refused = begin(launch, agent, deliveries=deliveries, now=now)

    assert not refused.counts
    assert "was begun" in refused.reason


def test_an_agent_that_was_frozen_with_a_request_does_not_begin_it_twice() -> None:
    """It was given to the same agent again, which then has two threads with the run."""
    first = begin(TAKEN, "a1", deliveries=2)
    assert first.launch is not None
    assert first.counts
    assert not begin(first.launch, "a1", deliveries=2).counts


@pytest.mark.parametrize(
    ("started_at", "final"), [(120.0, RunEnd.FAILURE), (None, RunEnd.CANCELED)]
)
def test_a_run_that_fails_while_it_is_canceled_has_failed_if_it_had_started(
    started_at: float | None, final: RunEnd
) -> None:
    wish = StopWish(end=RunEnd.CANCELED, by="x", reason="It was terminated.")
    before = replace(BEGUN, started_at=started_at)
    stopping = advance(before, wish, new=BEGUN, now=150.0).launch
    assert stopping is not None
    failed = end(stopping, RunEnd.FAILURE, event="{}").launch
    assert failed is not None
    assert failed.final is final


def test_a_worker_that_was_ended_for_a_limit_leaves_a_failure_with_the_limit_as_reason() -> None:
    wish = StopWish(end=RunEnd.FAILURE, by="x", reason="Too long.")
    stopping = advance(BEGUN, wish, new=BEGUN, now=150.0).launch
    assert stopping is not None
    ended = end(stopping, RunEnd.CANCELED, event="{}").launch
    assert ended is not None
    assert ended.ending is not None
    assert (ended.final, ended.ending.reason) == (RunEnd.FAILURE, "Too long.")
    assert ended.ending.event is None, "the worker's own event is not the end"


def test_a_launch_that_ends_without_its_run_is_followed_by_another() -> None:
    step = end(BEGUN, None)
    assert step.successor is not None
    assert (step.successor.number, step.successor.state) == (2, LaunchState.QUEUED)


def test_what_the_machine_was_not_told_of_the_start_is_known_from_the_run() -> None:
    started = advance(TAKEN, Start(), new=TAKEN, now=150.0).launch
    assert started is not None
    assert (started.state, started.begun_at) == (LaunchState.BEGUN, 150.0)


def test_the_answer_of_another_request_says_nothing() -> None:
    assert not advance(BEGUN, LaunchAnswer(request_id="other"), new=BEGUN, now=1.0).counts
