"""`/api/queues/scale`: what it says, and to whom."""

from __future__ import annotations

import httpx
import pytest

from dagstead.control.actor import SYSTEM, Actor
from dagstead.control.requests import Poll
from dagstead.control.work import Work
from dagstead.plane.launch_machine.events import Begin, Dequeue, LaunchOffer
from dagstead.plane.organization import ORGANIZATION
from dagstead.plane.queues import QueueChange
from dagstead.plane.tokens import Grant, TokenKind
from tests.support.releases import deploy, new_location
from tests.unit.server.conftest import Plane

_PATH = "/api/queues/scale"


def signal(plane: Plane, client: httpx.Client, queue: str | None, **more: str) -> dict[str, object]:
    named = {} if queue is None else {"queue": queue}
    answer = client.get(_PATH, params={**named, **more}, headers=plane.headers(TokenKind.METRICS))
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    found: dict[str, object] = answer.json()
    return found


def ask(plane: Plane, queue: str | None, times: int) -> None:
    prod = plane.store.deployments.get("prod")
    for _ in range(times):
        work = Work(api="CHECK_FOR_WORKSPACE_UPDATES", queue=queue, lifetime_seconds=3600)
        plane.control.requests.submit(SYSTEM, prod, work)


def test_a_queue_that_nobody_uses_has_nothing_to_do(plane: Plane, client: httpx.Client) -> None:
    assert signal(plane, client, "unheard of") == {
        "queue": "unheard of",
        "waiting": 0,
        "running": 0,
        "work": 0,
        "oldest_seconds": 0,
        "agents": 0,
        "desired_agents": 0,
    }


def test_what_waits_and_what_an_agent_has_is_work(plane: Plane, client: httpx.Client) -> None:
    ask(plane, "a/b c", 45)
    plane.clock.advance(3)
    agent = Actor.holding(plane.token(TokenKind.AGENT)[0])
    poll = Poll(full_deployments=["prod"], queues=["a/b c"], limit=5)
    assert len(plane.control.requests.take(agent, poll)) == 5

    found = signal(plane, client, "a/b c")

    assert (found["waiting"], found["running"], found["work"]) == (40, 5, 45)
    assert found["oldest_seconds"] == 3
    assert found["desired_agents"] == 3
    more = signal(plane, client, "a/b c", work_of_an_agent="45")
    assert more["desired_agents"] == 1


def test_the_default_queue_has_no_name(plane: Plane, client: httpx.Client) -> None:
    before = signal(plane, client, None)["waiting"]
    ask(plane, None, 2)
    found = signal(plane, client, None)
    assert found["queue"] is None
    assert found["waiting"] == int(str(before)) + 2


def test_a_run_is_work_until_it_has_ended(plane: Plane, client: httpx.Client) -> None:
    deploy(plane.store, "prod", [new_location("of runs", queue="runs")])
    plane.control.requests.withdraw(
        SYSTEM,
        plane.store.deployments.get("prod"),
        [each.id for each in plane.control.requests.open(SYSTEM) if each.queue == "runs"],
    )
    launches = plane.store.launches
    launches.submit("prod", "first", "of runs")
    assert signal(plane, client, "runs")["waiting"] == 1
    launches.step("prod", "first", Dequeue(location="of runs", queue="runs"))
    offer = LaunchOffer(request_id="r", location="of runs", queue="runs")
    launches.step("prod", "first", offer)
    launches.step("prod", "first", Begin(agent_id="a"))

    found = signal(plane, client, "runs")

    assert (found["waiting"], found["running"]) == (0, 1)


def test_runs_that_a_pause_or_a_limit_holds_need_no_agent(
    plane: Plane, client: httpx.Client
) -> None:
    deploy(plane.store, "prod", [new_location("held", queue="held")])
    for number in range(5):
        plane.store.launches.submit("prod", f"run-{number}", "held")
    assert signal(plane, client, "held")["waiting"] == 5
    plane.control.queues.set(SYSTEM, "held", QueueChange(limit=2))
    assert signal(plane, client, "held")["waiting"] == 2
    plane.control.queues.pause(SYSTEM, "held", "for the test", None)
    assert signal(plane, client, "held")["waiting"] == 0


def test_a_caller_that_found_no_agent_is_work_for_a_while(
    plane: Plane, client: httpx.Client
) -> None:
    deploy(plane.store, "prod", [new_location("asleep", queue="asleep")])
    plane.store.queue_calls.missed(ORGANIZATION, "asleep")
    assert signal(plane, client, "asleep")["waiting"] == 1
    plane.clock.advance(119)
    assert signal(plane, client, "asleep")["waiting"] == 1
    plane.clock.advance(2)
    assert signal(plane, client, "asleep")["waiting"] == 0


def test_a_token_of_one_queue_reads_that_queue(plane: Plane, client: httpx.Client) -> None:
    of_gpu = plane.headers(TokenKind.METRICS, Grant(queues=["gpu"]))
    assert client.get(_PATH, params={"queue": "gpu"}, headers=of_gpu).status_code == 200
    for other in ({"queue": "cpu"}, {}):
        answer = client.get(_PATH, params=other, headers=of_gpu)
        assert answer.status_code == 403
        assert "which grants: gpu" in answer.text


@pytest.mark.parametrize("kind", [TokenKind.AGENT, TokenKind.POOL, TokenKind.WORKER])
def test_others_do_not_read_it(plane: Plane, client: httpx.Client, kind: TokenKind) -> None:
    assert client.get(_PATH, headers=plane.headers(kind)).status_code == 403
    assert client.get(_PATH).status_code == 401


@pytest.mark.parametrize(
    "query",
    [
        {"work_of_an_agent": "0"},
        {"work_of_an_agent": "-1"},
        {"work_of_an_agent": "1e9"},
        {"work_of_an_agent": "9" * 400},
        {"work_of_an_agent": "٣"},
        {"queue": ""},
        {"queue": "x" * 300},
        {"queue": "\u202egpu"},
        {"queue": "a\x00b"},
    ],
)
def test_bad_questions_are_refused_with_a_sentence(
    plane: Plane, client: httpx.Client, query: dict[str, str]
) -> None:
    answer = client.get(_PATH, params=query, headers=plane.headers(TokenKind.METRICS))
    assert answer.status_code == 400
    assert answer.json()["error"]
