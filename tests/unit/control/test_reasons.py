"""Why things wait: every reason is caused once, and its sentence and its command are read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dagstead.control.actor import SYSTEM
from dagstead.plane.agents import ALIVE_SECONDS
from dagstead.plane.deployments import Branch
from dagstead.plane.launch_machine.events import StopWish
from dagstead.plane.launches import How, LaunchEnd, RunEnd
from dagstead.plane.queues import QueueChange
from dagstead.plane.reasons import ReasonCode
from dagstead.plane.run_queue import Pool, PoolNeed, QueuedRun, QueueLimits, RunStatus
from dagstead.plane.why import why_run
from dagstead.plane.why_facts import PlaneFacts, QueueState, QueueWork, RunFacts
from dagstead.plane.why_held import why_held
from dagstead.testing.clock import ManualClock
from tests.support.releases import deploy, new_location
from tests.support.stores import empty_store
from tests.unit.control.waiting_plane import OTHER, RUN, Plane, is_said


@pytest.fixture
def plane(tmp_path: Path, clock: ManualClock) -> Iterator[Plane]:
    store = empty_store(tmp_path, clock)
    yield Plane(store=store, clock=clock)
    store.close()


def test_an_unserved_queue(plane: Plane) -> None:
    plane.offered()
    is_said(
        plane.why(),
        ReasonCode.UNSERVED_QUEUE,
        "No agent is running that could serve queue 'gpu'.",
        "Run 2871f19b of location 'weather' is to be started.",
        "Its request is on queue 'gpu' of deployment 'prod'.",
        command="dagstead token create --kind agent --name NAME --queue gpu",
    )


def test_an_unserved_queue_names_the_nearest(plane: Plane) -> None:
    plane.offered()
    plane.beat("gpus")
    is_said(plane.why(), ReasonCode.UNSERVED_QUEUE, "Did you mean 'gpus'?")


def test_agents_that_are_down(plane: Plane) -> None:
    plane.beat("gpu")
    plane.offered()
    plane.later(ALIVE_SECONDS + 1)
    reason = plane.why()
    is_said(
        reason,
        ReasonCode.AGENTS_DOWN,
        "Agent 'eu' would serve queue 'gpu' and has not been heard of since 20",
        command="dagstead agent list",
    )
    assert reason.since == plane.clock() - ALIVE_SECONDS - 1


def test_agents_that_are_down_as_their_token_was_revoked(plane: Plane) -> None:
    plane.beat("gpu")
    plane.offered()
    plane.store.tokens.revoke(plane.token.id)
    plane.later(ALIVE_SECONDS + 1)
    is_said(plane.why(), ReasonCode.AGENTS_DOWN, "its token 'eu' was revoked at 20")


def test_a_token_that_does_not_grant_the_queue(plane: Plane) -> None:
    plane.beat("cpu", metadata={"refused_queues": ["gpu"]})
    plane.offered()
    is_said(
        plane.why(),
        ReasonCode.NOT_GRANTED,
        "Agent 'eu' asks for queue 'gpu', and its token 'eu' does not grant it.",
        command="dagstead token create --kind agent --name NAME --queue gpu",
    )


def test_an_allowed_list(plane: Plane) -> None:
    allowed = {"allowed_full_deployment_locations": {"prod": ["digits"]}}
    plane.beat("gpu", metadata=allowed)
    plane.offered()
    is_said(plane.why(), ReasonCode.NOT_ALLOWED, "refuses location 'weather'")


def test_an_agent_of_another_deployment(plane: Plane) -> None:
    plane.store.deployments.create_or_update_branch(
        Branch(repo_name="org/repo", branch_name="f"), None
    )
    (branch,) = [one for one in plane.store.deployments.all() if one.is_branch]
    deploy(plane.store, branch.name, [new_location("weather", "1", queue="gpu")])
    plane.beat("gpu")
    reason = plane.control.reasons.why_location(SYSTEM, branch, "weather").reason
    assert reason.code in {ReasonCode.DEPLOYMENT_UNSERVED, ReasonCode.UNSERVED_QUEUE}
    assert "gpu" in reason.says


def test_an_agent_that_is_there_and_has_not_taken_it(plane: Plane) -> None:
    plane.beat("gpu")
    plane.offered()
    is_said(plane.why(), ReasonCode.WAITS_FOR_AGENT, "agent 'eu' is alive and has not taken it")


def test_popped_and_not_answered(plane: Plane) -> None:
    plane.beat("gpu")
    plane.offered()
    plane.take()
    is_said(
        plane.why(), ReasonCode.POPPED_NOT_ANSWERED, "was taken by agent 'eu' (token 'eu') at 20"
    )


def test_a_worker_that_is_starting(plane: Plane) -> None:
    plane.beat("gpu")
    plane.offered()
    plane.begin()
    is_said(plane.why(), ReasonCode.WORKER_STARTING, "Agent 'eu' began it at 20")


def test_an_image_that_cannot_be_pulled(plane: Plane) -> None:
    error = json.dumps({"message": "weather: pull access denied for org/weather:2\nmore"})
    plane.beat("gpu", errors=(error,))
    plane.offered()
    plane.begin()
    is_said(plane.why(), ReasonCode.IMAGE_PULL, "pull access denied for org/weather:2")


def test_an_agent_that_is_gone_with_the_run(plane: Plane) -> None:
    plane.beat("gpu")
    plane.offered()
    plane.begin()
    plane.later(ALIVE_SECONDS + 1)
    is_said(plane.why(), ReasonCode.AGENT_LOST, "has not been heard of since 20")


def test_a_run_that_runs_and_one_that_has_ended(plane: Plane) -> None:
    plane.beat("gpu")
    plane.offered()
    plane.begin()
    plane.control.launches.start(SYSTEM, plane.prod, RUN)
    plane.now_is(RunStatus.STARTED)
    is_said(plane.why(), ReasonCode.RUNNING, "It does not wait: it runs since 20")
    ending = LaunchEnd(status=RunEnd.FAILURE, how=How.EXITED, by="it", reason="It was killed")
    plane.control.launches.end(SYSTEM, plane.prod, RUN, ending)
    plane.now_is(RunStatus.FAILURE)
    is_said(plane.why(), ReasonCode.ENDED, "it has ended with FAILURE at 20", "It was killed.")


def test_a_run_that_is_to_end_and_whose_agent_is_gone(plane: Plane) -> None:
    plane.beat("gpu")
    plane.offered()
    plane.begin()
    wish = StopWish(end=RunEnd.CANCELED, by="a person", reason="It was terminated.")
    plane.control.launches.stop(SYSTEM, plane.prod, RUN, wish)
    plane.now_is(RunStatus.CANCELING)
    is_said(plane.why(), ReasonCode.ENDING, "its agent was asked to end it")
    plane.later(ALIVE_SECONDS + 1)
    is_said(plane.why(), ReasonCode.AGENT_LOST, "no live agent can end it")


def test_a_pause_of_everything(plane: Plane) -> None:
    plane.queued()
    plane.control.pauses.begin(SYSTEM)
    is_said(
        plane.why(),
        ReasonCode.ORGANIZATION_PAUSED,
        "No run starts in any deployment since 20",
        "asked for by the control plane.",
        command="dagstead resume",
    )


def test_a_paused_queue_and_its_limit_hold_runs_in_the_run_queue(plane: Plane) -> None:
    plane.queued()
    queues = plane.control.queues
    queues.pause(SYSTEM, "gpu", "the GPU is hot", None)
    is_said(plane.why(), ReasonCode.QUEUE_PAUSED, "was paused by the control plane at 20")
    queues.resume(SYSTEM, "gpu")
    queues.set(SYSTEM, "gpu", QueueChange(limit=1))
    plane.offered(OTHER)
    is_said(
        plane.why(),
        ReasonCode.QUEUE_LIMIT,
        "The limit of queue 'gpu' is reached: 1 of 1, held by 2871aaaa.",
        command="dagstead queues set gpu --limit 2",
    )
    (row,) = [
        each for each in plane.control.reasons.waiting_runs(SYSTEM).rows if each.run_id == RUN
    ]
    assert row.reason.code is ReasonCode.QUEUE_LIMIT
    assert row.queue == "gpu"


def test_a_closed_deployment(plane: Plane) -> None:
    work = QueueWork(deployment=replace(plane.prod, closed=True), queue="gpu")
    reason = why_held(PlaneFacts(now=0.0), work, None)
    assert reason is not None
    is_said(reason, ReasonCode.DEPLOYMENT_CLOSED, "Deployment 'prod' is closed")


def test_no_daemon(plane: Plane) -> None:
    plane.queued()
    plane.clock.advance(60.0)
    is_said(
        plane.why(),
        ReasonCode.NO_DAEMON,
        "No process runs the daemons",
        command="dagstead daemon",
    )


def test_a_limit_and_why_the_run_waits_that_holds_it(plane: Plane) -> None:
    plane.dagster.limits = QueueLimits(runs=1)
    plane.offered(OTHER)
    plane.later(1.0)
    plane.queued()
    reason = plane.why()
    is_said(
        reason,
        ReasonCode.RUN_LIMIT,
        "deployment 'prod' is reached: 1 of 1, held by 2871aaaa.",
        "Run 2871aaaa of location 'weather' is to be started.",
        "No agent is running that could serve queue 'gpu'.",
        command="dagstead token create --kind agent --name NAME --queue gpu",
    )
    assert reason.chain[-1].code is ReasonCode.UNSERVED_QUEUE


def test_a_concurrency_pool(plane: Plane) -> None:
    plane.queued()
    need = PoolNeed(first={"api": 1}, every=frozenset({"api"}), has_free_step=False)
    plane.dagster.stored[RUN] = replace(plane.dagster.stored[RUN], pools=need)
    pool = Pool(name="api", slots=1, claimed=[OTHER], pending=[OTHER])
    plane.dagster.limits = QueueLimits(pools={"api": pool}, pools_hold_runs=True)
    is_said(plane.why(), ReasonCode.CONCURRENCY_POOL, "pool 'api' are taken: 1 of 1, held by 2871")


def test_a_queue_that_is_paused_and_one_that_is_full(plane: Plane) -> None:
    work, facts = QueueWork(deployment=plane.prod, queue="gpu"), PlaneFacts(now=0.0)
    paused = QueueState(queue="gpu", paused_at=60.0, paused_by="ada", note="the GPU is hot")
    reason = why_held(facts, work, paused)
    assert reason is not None
    is_said(
        reason,
        ReasonCode.QUEUE_PAUSED,
        "Queue 'gpu' was paused by ada at 1970-01-01 00:01:00 UTC: the GPU is hot.",
        command="dagstead queues resume gpu",
    )
    reason = why_held(facts, work, QueueState(queue="gpu", limit=2, holders=[RUN, OTHER]))
    assert reason is not None
    is_said(reason, ReasonCode.QUEUE_LIMIT, "is reached: 2 of 2, held by 2871f19b, 2871aaaa.")
    assert why_held(facts, work, QueueState(queue="gpu", limit=3, holders=[RUN])) is None


def test_a_run_that_is_next_and_one_of_which_nobody_knows_why(plane: Plane) -> None:
    plane.beat("gpu")
    plane.queued()
    is_said(plane.why(), ReasonCode.WAITS_FOR_DEQUEUE, "takes it from the run queue within seconds")
    plane.later(30.0)
    plane.beat("gpu")
    is_said(
        plane.why(),
        ReasonCode.UNKNOWN,
        "The reason is unknown, because no limit holds it",
        command="dagstead status",
    )


def test_a_run_that_was_never_submitted(plane: Plane) -> None:
    plane.dagster.stored[RUN] = QueuedRun(
        run_id=RUN,
        status=RunStatus.NOT_STARTED,
        location="weather",
        created_at=plane.clock(),
        updated_at=plane.clock(),
    )
    is_said(plane.why(), ReasonCode.NOT_SUBMITTED, "is not in the run queue")


@pytest.mark.parametrize("status", RunStatus)
def test_a_run_of_which_next_to_nothing_is_known_has_a_sentence(
    plane: Plane, status: RunStatus
) -> None:
    run = QueuedRun(run_id=RUN, status=status, location=None, created_at=0.0, updated_at=0.0)
    work = QueueWork(deployment=plane.prod, queue=None)
    reason = why_run(RunFacts(run=run, plane=PlaneFacts(now=1e6), work=work))
    assert reason.says.endswith(".")
    assert len(reason.says.split()) > 4
    assert not reason.is_waiting or reason.mend is not None
    if status in {RunStatus.QUEUED, RunStatus.STARTING}:
        assert reason.says.startswith("The reason is unknown, because ")
