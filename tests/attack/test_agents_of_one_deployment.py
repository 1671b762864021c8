"""Two agents of one deployment, with a token each: neither speaks or acts for the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy import select

from dagstead.control.actor import SYSTEM, Actor
from dagstead.control.agents import AgentReport
from dagstead.control.all import Control
from dagstead.control.requests import Poll
from dagstead.control.work import Work
from dagstead.errors import ForbiddenError
from dagstead.plane.agents import Heartbeat
from dagstead.plane.deployments import Deployment
from dagstead.plane.launch_watch import WorkerReport, WorkerState
from dagstead.plane.launches import LaunchTags, RunOrigin
from dagstead.plane.locations import LoadState
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.requests import LAUNCH_RUN, NewRequest, RequestState
from dagstead.plane.tokens import Grant, TokenKind
from dagstead.store.all import Store
from dagstead.store.tables import heartbeats
from dagstead.testing.clock import ManualClock
from tests.support.orchestration import NoDagster, control_without_dagster
from tests.support.releases import deploy, new_location
from tests.support.stores import empty_store


@dataclass(frozen=True, kw_only=True)
class Two:
    """The agents; the second one attacks."""

    store: Store
    control: Control
    dagster: NoDagster
    clock: ManualClock
    honest: Actor
    #: Of the same queue, and of another one.
    twin: Actor
    other: Actor

    @property
    def prod(self) -> Deployment:
        return self.store.deployments.get("prod")

    def token(self, actor: Actor) -> int:
        assert actor.token is not None
        return actor.token.id

    def take(self, actor: Actor, *queues: str | None) -> list[str]:
        poll = Poll(full_deployments=["prod"], queues=queues or ("gpu",))
        return [each.id for each in self.control.requests.take(actor, poll)]

    def launch(self, run_id: str = "run") -> str:
        """Offer a launch of a run on the queue gpu; returns the request."""
        work = Work(
            api=LAUNCH_RUN, queue="gpu", location="gpu_loc", run_id=run_id, lifetime_seconds=900
        )
        self.control.launches.offer(SYSTEM, self.prod, work, LaunchTags())
        [request] = self.store.requests.of_run("prod", run_id)
        return request.id

    def beats(self) -> dict[int, Heartbeat]:
        return {beat.token_id: beat for beat in self.store.agents.all(ORGANIZATION)}


def _on(queue: str) -> Grant:
    return Grant(deployments=["prod"], queues=[queue], branch_deployments=False)


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    clock = ManualClock()
    store = empty_store(tmp_path, clock)
    store.deployments.create("prod")
    for name, queue in (("gpu_loc", "gpu"), ("cpu_loc", "cpu")):
        deploy(store, "prod", [new_location(name, f"{queue[0]}1", queue)])
    for name, deploy_id in (("gpu_loc", "g1"), ("cpu_loc", "c1")):
        store.releases.set_loaded("prod", name, deploy_id=deploy_id, manifest="{}")
    dagster = NoDagster()
    actors = [
        Actor.holding(store.tokens.create(name, TokenKind.AGENT, name, _on(queue)))
        for name, queue in (("honest", "gpu"), ("twin", "gpu"), ("other", "cpu"))
    ]
    yield Two(
        store=store,
        control=control_without_dagster(store, dagster),
        dagster=dagster,
        clock=clock,
        honest=actors[0],
        twin=actors[1],
        other=actors[2],
    )
    store.close()


REPORT = AgentReport(
    agent_id="a1",
    deployment="prod",
    label="the honest one",
    type="DockerUserCodeLauncher",
    version="1.13",
    queues=frozenset({"gpu"}),
    branch_deployments=False,
    metadata={},
    run_worker_statuses=None,
    errors=(),
)


def test_an_id_that_another_token_reports_is_another_agent(two: Two) -> None:
    forged = replace(REPORT, label="forged", queues=frozenset({"gpu", "cpu"}))
    for reports in ([two.honest, two.other], [two.other, two.honest]):
        for actor in reports:
            two.control.agents.record(actor, [REPORT if actor is two.honest else forged])

    beats = two.beats()
    assert beats[two.token(two.honest)].label == "the honest one"
    assert beats[two.token(two.other)].label == "forged"
    assert {beat.agent_id for beat in beats.values()} == {"a1"}
    shown = {view.label: view.agent.queues for view in two.control.agents.all(SYSTEM)}
    assert shown == {"the honest one": {"gpu"}, "forged": {"cpu"}}


@pytest.mark.parametrize("agent_id", ["1/a1", "2/a1", "3/a1", "a1/", "/", "x" * 64])
def test_no_id_is_made_up_that_hits_the_row_of_another_one(two: Two, agent_id: str) -> None:
    """Neither as it is, nor as what is stored for it."""
    for actor in (two.honest, two.twin, two.other):
        two.control.agents.record(actor, [replace(REPORT, label=actor.name)])
    for key in {agent_id, *_keys(two.store)}:
        two.control.agents.record(two.other, [replace(REPORT, agent_id=key, label="forged")])

    labels = {beat.token_id: beat.label for beat in two.beats().values() if beat.label != "forged"}
    assert labels[two.token(two.honest)] == "honest"
    assert labels[two.token(two.twin)] == "twin"


def _keys(store: Store) -> list[str]:
    with store.database.read() as connection:
        return [*connection.execute(select(heartbeats.c.agent_id)).scalars()]


def test_only_who_has_taken_a_request_answers_it(two: Two) -> None:
    new = NewRequest(
        id="q",
        api="X",
        deployment="prod",
        queue="gpu",
        location="gpu_loc",
        run_id=None,
        body="{}",
        expires_at=two.clock() + 900,
    )
    two.store.requests.submit(new)
    answer = two.control.requests.answer
    assert answer(two.honest, two.prod, "q", "not taken yet") is None
    assert two.take(two.honest) == ["q"]
    assert answer(two.twin, two.prod, "q", "by its twin") is None
    assert answer(two.other, two.prod, "q", "by another") is None
    assert answer(two.honest, two.prod, "q", "by who has it") is not None
    assert answer(two.twin, two.prod, "q", "later") is None
    stored = two.store.requests.get_answer("prod", "q")
    assert stored is not None
    assert stored.text == "by who has it"


def test_who_had_a_request_before_does_not_answer_it(two: Two) -> None:
    request_id = two.launch()
    assert two.take(two.honest) == [request_id]
    [held] = two.store.requests.of_run("prod", "run")
    assert two.control.requests.redeliver(SYSTEM, held)
    assert two.control.requests.answer(two.honest, two.prod, request_id, "too late") is None
    assert two.take(two.twin) == [request_id]
    assert two.control.requests.answer(two.honest, two.prod, request_id, "too late") is None
    [now] = two.store.requests.of_run("prod", "run")
    assert (now.state, now.leased_by) == (RequestState.LEASED, two.token(two.twin))


@pytest.mark.parametrize("agent_id", ["a1", "a2"])
def test_only_who_has_taken_a_launch_begins_it(two: Two, agent_id: str) -> None:
    request_id = two.launch()
    begin = two.control.requests.begin_launch
    for actor in (two.honest, two.twin, two.other):
        with pytest.raises(ForbiddenError):
            begin(actor, two.prod, "run", agent_id)
    assert two.take(two.honest) == [request_id]
    for actor in (two.twin, two.other):
        with pytest.raises(ForbiddenError):
            begin(actor, two.prod, "run", agent_id)
    begin(two.honest, two.prod, "run", "a1")
    launch = two.store.launches.newest("prod", "run")
    assert launch is not None
    assert (launch.begun_by, launch.begun_with) == ("a1", two.token(two.honest))
    with pytest.raises(ForbiddenError):
        begin(two.twin, two.prod, "run", "a1")


def test_nobody_reports_the_end_of_a_worker_of_another_agent(two: Two) -> None:
    two.launch()
    two.take(two.honest)
    two.control.requests.begin_launch(two.honest, two.prod, "run", "a1")
    forged = replace(REPORT, run_worker_statuses="gone")
    two.control.agents.record(two.other, [forged])
    two.dagster.reports = {
        "a1": [
            WorkerReport(
                run_id="run",
                state=WorkerState.ENDED,
                message="",
                agent_id="a1",
                received_at=two.clock(),
                is_exit_record=True,
            )
        ]
    }
    beats = two.store.agents.all(ORGANIZATION)
    assert two.control.launches.worker_reports(SYSTEM, two.prod, beats) == {}
    two.control.agents.record(two.honest, [replace(REPORT, run_worker_statuses="gone")])
    beats = two.store.agents.all(ORGANIZATION)
    assert set(two.control.launches.worker_reports(SYSTEM, two.prod, beats)) == {"run"}


def test_nobody_is_the_worker_of_another_agent(two: Two) -> None:
    two.launch()
    two.take(two.honest)
    two.control.requests.begin_launch(two.honest, two.prod, "run", "a1")
    for actor in (two.twin, two.other):
        two.control.agents.record(actor, [REPORT])
        two.control.launches.note_asking(actor, two.prod, "run")
    launch = two.store.launches.newest("prod", "run")
    assert launch is not None
    assert launch.asked_at is None
    two.control.launches.note_asking(two.honest, two.prod, "run")
    launch = two.store.launches.newest("prod", "run")
    assert launch is not None
    assert launch.asked_at is not None


def test_a_location_that_moves_is_reported_by_who_runs_the_deploy(two: Two) -> None:
    """While it moves from one queue to another, each agent reports on its own deploy only."""
    deploy(two.store, "prod", [new_location("gpu_loc", "g2", "cpu")])
    reports = two.control.load_reports
    for deploy_id in ("g2", None):
        assert not reports.failed(two.honest, two.prod, "gpu_loc", deploy_id=deploy_id, error="{}")
    assert not reports.loaded(two.honest, two.prod, "gpu_loc", deploy_id="g2", manifest="forged")
    assert not reports.loaded(two.other, two.prod, "gpu_loc", deploy_id="g1", manifest="forged")
    row = two.store.locations.get("prod", "gpu_loc")
    assert (row.state, row.manifest) == (LoadState.LOADING, "{}")
    assert reports.loaded(two.other, two.prod, "gpu_loc", deploy_id="g2", manifest="new")
    with pytest.raises(ForbiddenError, match="may not serve location"):
        reports.failed(two.honest, two.prod, "gpu_loc", deploy_id=None, error="{}")


@pytest.mark.parametrize("name", ["gpu_loc", "nowhere"])
def test_it_does_not_learn_which_locations_others_have(two: Two, name: str) -> None:
    with pytest.raises(ForbiddenError) as refused:
        two.control.locations.get(two.other, two.prod, name)
    assert refused.value.message.replace(name, "it") == (
        "Agent token 'other' may not serve location 'it' of deployment 'prod': it is on none of "
        "the queues that the token grants (cpu). Create a token that may with "
        "`dagstead token create --kind agent --queue …`."
    )
    assert [row.name for row in two.control.locations.all(two.other, two.prod)] == ["cpu_loc"]


@pytest.mark.parametrize(
    ("origin", "may"),
    [
        (RunOrigin(location="gpu_loc", stored_by=None), False),
        (RunOrigin(location="cpu_loc", stored_by=None), True),
        (RunOrigin(location="removed", stored_by=None), False),
        (RunOrigin(location="gpu_loc", stored_by=3), False),
        (RunOrigin(location=None, stored_by=1), False),
        (RunOrigin(location=None, stored_by=3), True),
        (RunOrigin(location=None, stored_by=None), False),
        (None, True),
    ],
)
def test_a_run_without_a_launch_is_of_its_location_or_of_who_stored_it(
    two: Two, origin: RunOrigin | None, *, may: bool
) -> None:
    assert [two.token(each) for each in (two.honest, two.other)] == [1, 3]
    if origin is not None:
        two.dagster.origins["run"] = origin
    writes = two.control.writes
    if may:
        writes.ledger(two.other, two.prod, ["run", ""])
        return
    with pytest.raises(ForbiddenError, match="may not change run run"):
        writes.ledger(two.other, two.prod, ["", "run"])


def test_a_run_stays_with_the_queue_of_its_launch(two: Two) -> None:
    """Also when its location moves, or is removed."""
    two.launch()
    two.dagster.origins["run"] = RunOrigin(location="gpu_loc", stored_by=None)
    deploy(two.store, "prod", [new_location("gpu_loc", "g2", "cpu")])
    two.store.releases.set_loaded("prod", "gpu_loc", deploy_id="g2", manifest="{}")
    two.control.writes.ledger(two.honest, two.prod, ["run"])
    with pytest.raises(ForbiddenError):
        two.control.writes.ledger(two.other, two.prod, ["run"])
    two.store.releases.remove("prod", "gpu_loc")
    two.control.writes.ledger(two.honest, two.prod, ["run"])
