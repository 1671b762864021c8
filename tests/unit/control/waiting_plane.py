"""A control plane in which something waits."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from sqlalchemy import update

from dagstead.control.actor import SYSTEM, Actor
from dagstead.control.all import Control
from dagstead.control.requests import Poll
from dagstead.control.work import Work
from dagstead.plane.launches import LaunchTags
from dagstead.plane.reasons import Reason, ReasonCode
from dagstead.plane.requests import LAUNCH_RUN
from dagstead.plane.run_queue import QueuedRun, RunStatus
from dagstead.plane.tokens import Grant, TokenKind
from dagstead.store.all import Store
from dagstead.store.tables import leader
from dagstead.testing.clock import ManualClock
from tests.support.heartbeats import heartbeat_of
from tests.support.orchestration import NoDagster, control_without_dagster
from tests.support.releases import deploy, new_location

RUN = "2871f19b-0000-4000-8000-000000000000"
OTHER = "2871aaaa-0000-4000-8000-000000000000"


@dataclass
class Plane:
    """A control plane with a location on the queue gpu, and no agent."""

    store: Store
    clock: ManualClock
    dagster: NoDagster = field(default_factory=NoDagster)

    def __post_init__(self) -> None:
        self.prod = self.store.deployments.create("prod")
        self.token = self.store.tokens.create(
            "eu", TokenKind.AGENT, "secret", Grant(queues=["gpu"])
        )
        deploy(self.store, "prod", [new_location("weather", "1", queue="gpu")])
        self.store.releases.set_loaded("prod", "weather", deploy_id="1", manifest="{}")
        self.lead()

    @property
    def control(self) -> Control:
        return control_without_dagster(self.store, self.dagster)

    def lead(self) -> None:
        """A process runs the daemons."""
        with self.store.database.write() as connection:
            connection.execute(update(leader).values(holder="here", renewed_at=self.clock()))

    def beat(self, *queues: str | None, **changes: object) -> None:
        beat = heartbeat_of(*queues, now=self.clock(), token_id=self.token.id, **changes)
        self.store.agents.record([beat])
        self.store.token_calls.polled(self.token.id)

    def queued(self, run_id: str = RUN, status: RunStatus = RunStatus.QUEUED) -> None:
        self.dagster.stored[run_id] = QueuedRun(
            run_id=run_id,
            status=status,
            location="weather",
            created_at=self.clock(),
            updated_at=self.clock(),
        )
        self.store.launches.submit("prod", run_id, "weather")

    def now_is(self, status: RunStatus, run_id: str = RUN) -> None:
        self.dagster.stored[run_id] = replace(self.dagster.stored[run_id], status=status)

    def offered(self, run_id: str = RUN) -> None:
        """The run is starting: its request is on the queue."""
        self.queued(run_id)
        self.now_is(RunStatus.STARTING, run_id)
        self.control.launches.dequeue(SYSTEM, self.prod, run_id)
        work = Work(
            api=LAUNCH_RUN, queue="gpu", lifetime_seconds=9999.0, location="weather", run_id=run_id
        )
        self.control.launches.offer(SYSTEM, self.prod, work, LaunchTags())

    def take(self) -> None:
        poll = Poll(full_deployments=["prod"], queues=["gpu"])
        assert self.control.requests.take(Actor.holding(self.token), poll)

    def begin(self) -> None:
        self.take()
        actor = Actor.holding(self.token)
        self.control.requests.begin_launch(actor, self.prod, RUN, "a-1")

    def later(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.lead()

    def why(self, name: str = RUN) -> Reason:
        return self.control.reasons.why(SYSTEM, name).reason


def is_said(reason: Reason, code: ReasonCode, *parts: str, command: str | None = None) -> None:
    assert reason.code is code, reason
    text = f"{reason} {[step.says for step in reason.chain]}"
    for part in parts:
        assert part in text, text
    if command is not None:
        assert reason.mend is not None
        assert reason.mend.command == command
    if reason.is_waiting and code is not ReasonCode.WAITS_FOR_DEQUEUE:
        assert reason.mend is not None, "It says what would help."
