"""Which queue may take the runs of another."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dagstead.plane.agents import Heartbeat
from dagstead.plane.deployments import Deployment
from dagstead.plane.locations import Location
from dagstead.plane.queue_fallback import ServingAgent, takers, why_not
from dagstead.plane.queues import Queue, QueuePause
from dagstead.store.all import Store
from dagstead.testing.clock import ManualClock
from tests.support.heartbeats import POOL_TOKEN, heartbeat_of
from tests.support.releases import deploy, new_location
from tests.support.stores import empty_store

IMAGE = {"image": "registry.example.org/weather:1"}
PEX = {"pex_metadata": {"pex_tag": "files=source-1.pex:deps-1.pex"}}
CPU = Queue(name="cpu")


@pytest.fixture
def store(tmp_path: Any, clock: ManualClock) -> Any:
    opened = empty_store(tmp_path, clock)
    opened.deployments.create("prod")
    yield opened
    opened.close()


def located(store: Store, document: dict[str, Any]) -> Location:
    new = new_location("weather", "1", queue="gpu")
    deploy(store, "prod", [new])
    return replace(store.locations.get("prod", "weather"), document=document)


def prod(store: Store) -> Deployment:
    return store.deployments.get("prod")


def agent(beat: Heartbeat, *, grants_home: bool = True) -> ServingAgent:
    return ServingAgent(beat=beat, grants_home=grants_home)


def reason(store: Store, document: dict[str, Any], *agents: ServingAgent) -> str | None:
    return why_not(located(store, document), prod(store), CPU, agents, store.clock())


def test_an_image_goes_to_an_agent_and_a_pex_to_the_pool(store: Store) -> None:
    hybrid = agent(heartbeat_of("cpu", now=store.clock()))
    pool = agent(heartbeat_of("cpu", now=store.clock(), pool=POOL_TOKEN))
    assert reason(store, IMAGE, hybrid) is None
    assert reason(store, PEX, pool) is None
    assert "can run an image" in str(reason(store, IMAGE, pool))
    assert "can run PEX files" in str(reason(store, PEX, hybrid))
    assert "can run code in a folder" in str(reason(store, {}, hybrid, pool))
    assert takers(located(store, IMAGE), [pool, hybrid]) == [hybrid]
    on_docker = agent(replace(pool.beat, type="DockerPoolLauncher"))
    assert reason(store, IMAGE, on_docker) is None
    assert reason(store, PEX, on_docker) is None


def test_an_agent_needs_the_grant_of_the_location(store: Store) -> None:
    stranger = agent(heartbeat_of("cpu", now=store.clock()), grants_home=False)
    assert "has a token that grants queue 'gpu'" in str(reason(store, IMAGE, stranger))


def test_a_queue_that_nobody_serves_or_that_is_paused_takes_nothing(store: Store) -> None:
    assert reason(store, IMAGE) == "No agent serves its fallback, queue 'cpu', either."
    paused = replace(CPU, pause=QueuePause(by="ada", since=0.0))
    known = agent(heartbeat_of("cpu", now=store.clock()))
    said = why_not(located(store, IMAGE), prod(store), paused, [known], store.clock())
    assert said == "Its fallback, queue 'cpu', is paused."


def test_a_queue_that_is_not_for_branches_takes_nothing_of_them(store: Store) -> None:
    known = agent(heartbeat_of("cpu", now=store.clock()))
    full = replace(CPU, branch_deployments=False)
    branch = replace(prod(store), kind=type(prod(store).kind)("branch"))
    said = why_not(located(store, IMAGE), branch, full, [known], store.clock())
    assert said == "Its fallback, queue 'cpu', is not for branch deployments."
