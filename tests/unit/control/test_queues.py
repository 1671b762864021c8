"""Queues as people see and steer them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dagstead.control.actor import SYSTEM, Actor
from dagstead.control.all import Control
from dagstead.control.questions import Question
from dagstead.control.requests import Poll
from dagstead.control.work import Work
from dagstead.errors import (
    ConflictError,
    ForbiddenError,
    InvalidDocumentError,
    NoAnswerError,
    NotFoundError,
)
from dagstead.plane.deployments import Branch
from dagstead.plane.launch_machine.events import Delivery, Dequeue, LaunchOffer
from dagstead.plane.launches import LaunchTags
from dagstead.plane.queue_views import QueueView
from dagstead.plane.queues import QueueChange
from dagstead.plane.releases import NewRelease
from dagstead.plane.requests import LAUNCH_RUN, TERMINATE_RUN
from dagstead.plane.roles import Role, Roles
from dagstead.plane.tokens import Grant, TokenKind
from dagstead.store.all import Store
from dagstead.testing.clock import ManualClock
from tests.support.heartbeats import heartbeat_of
from tests.support.orchestration import control_without_dagster
from tests.support.releases import deploy, new_location
from tests.support.stores import empty_store


@dataclass(frozen=True)
class Made:
    store: Store
    control: Control

    def actor(self, name: str, grant: Grant, kind: TokenKind = TokenKind.USER) -> Actor:
        return Actor.holding(self.store.tokens.create(name, kind, f"secret of {name}", grant))

    def views(self, actor: Actor = SYSTEM) -> dict[str | None, QueueView]:
        return {view.queue.name: view for view in self.control.queues.all(actor)}


@pytest.fixture
def made(tmp_path: Path, clock: ManualClock) -> Iterator[Made]:
    store = empty_store(tmp_path, clock)
    for name in ("prod", "staging"):
        store.deployments.create(name)
        store.deployments.set_settings(name, {"releases": {"unserved_queue": "wait"}})
    deploy(store, "prod", [new_location("weather", "1", queue="gpu")])
    deploy(store, "staging", [new_location("digits", "1", queue="cpu")])
    yield Made(store, control_without_dagster(store))
    store.close()


def test_every_queue_that_something_names_is_seen(made: Made) -> None:
    made.actor("north", Grant(queues=["north"]), TokenKind.AGENT)
    made.store.agents.record([heartbeat_of("tpu", now=made.store.clock(), label="tiger")])
    made.control.queues.set(SYSTEM, "idle", QueueChange(owner="ada"))
    found = made.views()
    assert list(found) == ["cpu", "gpu", "idle", "north", "tpu"]
    assert [each.label for each in found["tpu"].agents] == ["tiger"]
    assert found["north"].tokens == ("north",)
    assert [each.location for each in found["gpu"].locations] == ["weather"]
    assert found["idle"].queue.owner == "ada"
    assert not found["idle"].is_used


def test_those_of_one_deployment_see_its_queues_and_who_holds_a_slot_there(made: Made) -> None:
    made.control.queues.set(SYSTEM, "gpu", QueueChange(limit=1))
    deploy(made.store, "staging", [new_location("digits", "2", queue="gpu")])
    for deployment in ("prod", "staging"):
        made.store.launches.step(deployment, deployment, Dequeue(location="weather", queue="gpu"))
    own = made.actor("own", Grant(deployments=["prod"], branch_deployments=False))
    found = made.views(own)
    assert list(found) == ["gpu"]
    view = found["gpu"]
    assert (view.running, [each.run_id for each in view.holders]) == (2, ["prod"])
    assert view.is_full
    with pytest.raises(ForbiddenError):
        made.control.queues.get(own, "cpu")
    with pytest.raises(ForbiddenError, match="needs a token for all deployments"):
        made.control.queues.pause(own, "gpu", None, None)


def test_a_viewer_sees_all_and_changes_nothing(made: Made) -> None:
    viewer = made.actor("viewer", Grant(roles=Roles(default=Role.VIEWER)))
    assert list(made.views(viewer)) == ["cpu", "gpu"]
    with pytest.raises(ForbiddenError, match="takes the role editor"):
        made.control.queues.set(viewer, "gpu", QueueChange(limit=1))


def test_a_queue_says_since_when_nobody_serves_it(made: Made, clock: ManualClock) -> None:
    deployed = clock()
    assert made.views()["gpu"].unserved_since == deployed
    clock.advance(100)
    made.store.agents.record([heartbeat_of("gpu", now=clock())])
    assert made.views()["gpu"].unserved_since is None
    heard = clock()
    clock.advance(1000)
    assert made.views()["gpu"].unserved_since == heard


def test_dispatched_runs_are_counted_by_minute(made: Made, clock: ManualClock) -> None:
    for run_id in ("a", "b"):
        made.store.launches.step(
            "prod", run_id, LaunchOffer(request_id=run_id, location="weather", queue="gpu")
        )
        made.store.launches.step("prod", run_id, Delivery(request_id=run_id))
        clock.advance(120)
    dispatched = made.views()["gpu"].dispatched
    assert (len(dispatched), sum(dispatched)) == (60, 2)
    assert [minute for minute, count in enumerate(reversed(dispatched)) if count] == [2, 4]


def test_a_queue_in_use_is_not_forgotten(made: Made) -> None:
    queues = made.control.queues
    made.store.launches.submit("prod", "run", "weather")
    queues.set(SYSTEM, "gpu", QueueChange(limit=1))
    with pytest.raises(ConflictError) as refused:
        queues.remove(SYSTEM, "gpu")
    assert str(refused.value).startswith(
        "Queue 'gpu' is in use: location prod/weather; 1 run. Move them"
    )
    queues.set(SYSTEM, "idle", QueueChange(limit=1))
    queues.remove(SYSTEM, "idle")
    with pytest.raises(NotFoundError, match="Nothing was said of queue 'idle'"):
        queues.remove(SYSTEM, "idle")


def test_a_branch_deployment_is_refused_a_queue_that_is_not_for_it(made: Made) -> None:
    made.control.queues.set(SYSTEM, "gpu", QueueChange(branch_deployments=False))
    branch = made.store.deployments.create_or_update_branch(
        Branch(repo_name="org/repo", branch_name="f"), None
    )
    made.store.deployments.set_settings(branch.name, {"releases": {"unserved_queue": "wait"}})
    branch = made.store.deployments.get(branch.name)
    new = NewRelease(locations=[new_location("weather", "1", queue="gpu")])
    with pytest.raises(InvalidDocumentError) as refused:
        made.control.releases.begin(SYSTEM, branch, new)
    assert "'weather' is on queue 'gpu', which is not for branch deployments." in str(refused.value)
    made.control.releases.begin(SYSTEM, made.store.deployments.get("prod"), new)


def test_in_a_pause_of_everything_agents_only_end_runs(made: Made) -> None:
    control, prod = made.control, made.store.deployments.get("prod")
    agent = made.actor("agent", Grant(), TokenKind.AGENT)
    launch = Work(api=LAUNCH_RUN, queue="gpu", lifetime_seconds=60.0, run_id="run")
    control.launches.offer(SYSTEM, prod, launch, LaunchTags())
    for api in ("PING", TERMINATE_RUN):
        control.requests.submit(SYSTEM, prod, Work(api=api, queue="gpu", lifetime_seconds=60.0))
    assert control.pauses.begin(SYSTEM)
    assert control.pauses.begin(SYSTEM, everything=True)
    assert not control.pauses.begin(SYSTEM, everything=True)
    poll = Poll(full_deployments=["prod"], queues=["gpu"])
    assert [each.api for each in control.requests.take(agent, poll)] == [TERMINATE_RUN]
    question = Question(location="weather", api="X", args=None, asked_at=0.0, deadline=9e9)
    with pytest.raises(NoAnswerError, match="everything is paused"):
        control.questions.ask(SYSTEM, prod, question)
    with pytest.raises(InvalidDocumentError, match="everything is paused"):
        control.releases.begin(SYSTEM, prod, NewRelease(locations=[new_location("weather", "2")]))
    assert control.pauses.end(SYSTEM)
    taken = [each.api for each in control.requests.take(agent, poll)]
    assert sorted(taken) == [LAUNCH_RUN, "PING"]
