"""Everything that may happen to a run's launches, and what must always hold of them."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from dagstead.plane.launch_machine.events import (
    Begin,
    Delivery,
    Dequeue,
    End,
    Event,
    Fall,
    LaunchAnswer,
    LaunchOffer,
    Return,
    SignOfLife,
    Start,
    StopWish,
    Submission,
    WorkerCall,
)
from dagstead.plane.launch_machine.machine import LaunchStep, advance
from dagstead.plane.launches import How, Launch, LaunchEnd, LaunchState, RunEnd

REQUESTS = st.sampled_from(["r1", "r2"])
ENDINGS = st.builds(
    LaunchEnd,
    status=st.sampled_from([None, *RunEnd]),
    how=st.sampled_from(How),
    by=st.just("it"),
    reason=st.just("It ended."),
    event=st.sampled_from([None, "one", "two"]),
)
EVENTS = st.one_of(
    st.sampled_from([Submission(), Submission(location="weather", queue="gpu")]),
    st.sampled_from([Dequeue(), Dequeue(location="weather", queue="cpu")]),
    st.builds(Fall, queue=st.sampled_from([None, "cpu"])),
    st.builds(LaunchOffer, request_id=REQUESTS),
    st.builds(Delivery, request_id=REQUESTS),
    st.builds(Return, request_id=REQUESTS),
    st.builds(Begin, agent_id=st.sampled_from(["a1", "a2"]), deliveries=st.integers(1, 2)),
    st.builds(LaunchAnswer, request_id=REQUESTS),
    st.just(Start()),
    st.just(WorkerCall()),
    st.builds(SignOfLife, unknown_since=st.sampled_from([None, 1.0])),
    st.builds(
        StopWish,
        end=st.sampled_from([RunEnd.CANCELED, RunEnd.FAILURE]),
        by=st.just("somebody"),
        reason=st.just("It is to end."),
    ),
    st.builds(End, ending=ENDINGS, number=st.sampled_from([None, 1, 2])),
)


class LaunchRules(RuleBasedStateMachine):
    """One run in memory. A subclass may do the same elsewhere, and compare."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000.0
        self.launches: list[Launch] = []
        #: Who was let through the gate, by launch.
        self.begun: dict[int, list[str]] = {}

    def happened(self, event: Event, step: LaunchStep) -> None:
        """Called with every event, after it has happened."""

    @rule(event=EVENTS, pause=st.sampled_from([0.0, 5.0, 10.0, 100.0]))
    def happen(self, event: Event, pause: float) -> None:
        self.now += pause
        before = self.launches[-1] if self.launches else None
        new = Launch(
            deployment="prod",
            run_id="run",
            number=1,
            state=LaunchState.QUEUED,
            created_at=self.now,
        )
        step = advance(before, event, new=new, now=self.now)
        after = [each for each in (step.launch, step.successor) if each is not None]
        self.launches = [*self.launches[: len(self.launches) - (before is not None)], *after]
        self._promise(before, event, step)
        self.happened(event, step)

    def _promise(self, before: Launch | None, event: Event, step: LaunchStep) -> None:
        if before is not None and before.final is not None:
            assert step.launch == before, "a final status stays, and so does its reason"
            assert step.successor is None
        if before is not None and before.stop is not None:
            assert not (
                step.counts and isinstance(event, (Begin, Dequeue, LaunchOffer, Submission, Start))
            )
        if step.counts and isinstance(event, Begin) and step.launch is not None:
            self.begun.setdefault(step.launch.number, []).append(event.agent_id)
        if step.successor is not None:
            assert step.launch is not None
            assert step.launch.stop is None, "nobody repeats what is to end"

    @invariant()
    def one_agent_begins_each_launch(self) -> None:
        assert all(len(set(agents)) == 1 for agents in self.begun.values())

    @invariant()
    def only_the_newest_is_open_and_numbers_count(self) -> None:
        assert [each.number for each in self.launches] == [
            number + 1 for number in range(len(self.launches))
        ]
        assert not any(each.is_open or each.final for each in self.launches[:-1])

    @invariant()
    def what_has_ended_says_how(self) -> None:
        for each in self.launches:
            assert (each.ending is not None) == (not each.is_open)
            assert (each.ended_at is not None) == (not each.is_open)
