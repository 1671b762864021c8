"""Agents whose clocks are off by an hour: they load, run and are seen as others are."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
import pytest
from dagster_cloud.agent.queries import GET_AGENTS_QUERY

from dagstead.control.actor import COMMAND_LINE
from dagstead.testing.waiting import eventually
from tests.support.agents import AgentSetup, OfficialAgent
from tests.support.asking_why import PATIENCE, AskingWhy
from tests.support.control_plane import ControlPlane
from tests.support.environments import own_environment
from tests.support.orchestration import control_without_dagster

pytestmark = [pytest.mark.compat, pytest.mark.thorough]

#: In seconds, by deployment.
OFF = {"ahead": 3600, "behind": -3600}

#: Python imports it when it starts: in the agent, in its code servers and run workers. The core of
#: gRPC reads the machine's clock, so that the deadlines which it gets are by that, too.
WRONG_CLOCK = """
import datetime, os, sys, time

right = time.time

def wrong():
    caller = sys._getframe(1).f_globals.get("__name__", "")
    return right() if caller.startswith("grpc.") else right() + int(os.environ["CLOCK_OFF"])

class Wrong(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(wrong(), tz)

    @classmethod
    def utcnow(cls):
        return cls.now(datetime.timezone.utc).replace(tzinfo=None)

time.time = wrong
# Some code names a class by its own name.
Wrong.__name__ = Wrong.__qualname__ = Wrong.__module__ = "datetime"
datetime.datetime = Wrong
"""


@pytest.fixture(scope="module")
def places(
    plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[AskingWhy]]:
    """A deployment for each clock, with an agent that has it, and a location that is deployed."""
    folder = tmp_path_factory.mktemp("clock")
    (folder / "sitecustomize.py").write_text(WRONG_CLOCK, encoding="utf-8")
    token = plane.user_token("cleo")
    with ExitStack() as stack:
        made = []
        for name, off in OFF.items():
            deployment = stack.enter_context(closing(plane.deployment(name)))
            agent = stack.enter_context(agent_of(plane, name, off, folder))
            stack.callback(agent.kill)
            deployment.deploy("shop", "compat_small", queue=name)
            made.append(AskingWhy(plane=plane, deployment=deployment, token=token))
        for each in made:
            each.deployment.wait_until_loaded("shop")
        yield made


def agent_of(plane: ControlPlane, name: str, off: int, folder: Path) -> OfficialAgent:
    setup = AgentSetup(
        label=name,
        token=plane.agent_token(name, queues=[name]),
        deployments=[name],
        queues=[name],
        default_queue=False,
        variables={"PYTHONPATH": str(folder), "CLOCK_OFF": str(off)},
    )
    return OfficialAgent(plane, own_environment(), setup)


def test_they_are_there_and_their_runs_succeed(places: list[AskingWhy]) -> None:
    runs = [each.deployment.launch("shop", "whispering") for each in places]
    for each, run_id in zip(places, runs, strict=True):
        each.deployment.succeed(run_id)
        each.is_said(run_id, "ENDED", "it has ended with SUCCESS")
        each.is_said("shop", "LIVE")


@pytest.mark.usefixtures("places")
def test_each_has_its_own_clock_and_lists_whom_ours_knows_as_alive(plane: ControlPlane) -> None:
    """By its own clock, the one ahead has missed the heartbeats of all others."""
    control = control_without_dagster(plane.store)

    def alive() -> set[str]:
        now = control.clock()
        views = control.agents.all(COMMAND_LINE)
        return {view.label for view in views if now - view.last_heartbeat < PATIENCE}

    eventually(lambda: OFF.keys() <= alive(), PATIENCE, "the heartbeats of both")
    hours = {
        (plane.folder / f"agent-{name}.log").read_text(encoding="utf-8").split(":", 1)[0]
        for name in OFF
    }
    assert len(hours) == 2, hours

    answer = httpx.post(
        f"{plane.url}/graphql",
        json={
            "query": GET_AGENTS_QUERY,
            "variables": {"heartbeatedSince": time.time() + OFF["ahead"] - 600},
        },
        headers={"Dagster-Cloud-Api-Token": plane.agent_token("ahead-again")},
        trust_env=False,
        timeout=PATIENCE,
    ).json()
    listed = {each["id"] for each in answer["data"]["agents"]}
    assert {view.id for view in control.agents.all(COMMAND_LINE) if view.label in OFF} <= listed
