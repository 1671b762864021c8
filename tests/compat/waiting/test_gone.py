"""Why something waits whose agent is gone, or does not serve it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace

import pytest

from dagstead.control.actor import COMMAND_LINE
from dagstead.plane.organization import ORGANIZATION
from dagstead.testing.waiting import eventually
from tests.support.agents import AgentSetup, OfficialAgent, ShortLivedAgent
from tests.support.asking_why import AskingWhy
from tests.support.control_plane import ControlPlane
from tests.support.environments import own_environment
from tests.support.orchestration import control_without_dagster

pytestmark = pytest.mark.compat

DEPLOYMENT = "prod"
#: Locations, and the queues that they are on.
LOCATION, LISTED, FOREIGN, SLOW = "shop", "listed", "foreign", "slow"
QUEUES = {LOCATION: "gpu", LISTED: "cpu", FOREIGN: "tpu", SLOW: "slow"}


@dataclass(frozen=True, kw_only=True)
class Ground:
    """A control plane whose first agent is gone, which had loaded all locations."""

    prod: AskingWhy
    setup: AgentSetup
    #: By location: runs that were launched while everything was paused, before the agent went.
    runs: dict[str, str]


@pytest.fixture(scope="module")
def ground(plane: ControlPlane) -> Iterator[Ground]:
    deployment = plane.deployment(DEPLOYMENT)
    prod = AskingWhy(plane=plane, deployment=deployment, token=plane.user_token("eve"))
    worker = agent_setup(plane, "worker", [QUEUES[each] for each in (LOCATION, LISTED, FOREIGN)])
    starter = agent_setup(plane, "starter", [QUEUES[SLOW]])
    control = control_without_dagster(plane.store)
    with ExitStack() as stack:
        stack.callback(deployment.close)
        before = [stack.enter_context(agent(plane, each)) for each in (worker, starter)]
        for name, queue in QUEUES.items():
            deployment.deploy(name, "compat_small", queue=queue)
        deployment.wait_until_loaded(*QUEUES)
        deployment.deploy("broken", "compat_broken", queue=QUEUES[LOCATION])
        prod.is_said("broken", "LOAD_ERROR", "the code location is broken on purpose")
        control.pauses.begin(COMMAND_LINE)
        runs = {name: deployment.launch(name, "whispering") for name in (LOCATION, FOREIGN, SLOW)}
        for each in before:
            each.kill()
        for token in ("worker", "starter"):
            plane.let_agents_be_long_gone(token)
        after = [stack.enter_context(each) for each in late_agents(plane, starter)]
        yield Ground(prod=prod, setup=worker, runs=runs)
        for each in after:
            each.kill()


def agent_setup(plane: ControlPlane, label: str, queues: list[str]) -> AgentSetup:
    return AgentSetup(
        label=label,
        token=plane.agent_token(label, queues=queues),
        deployments=[DEPLOYMENT],
        queues=queues,
        default_queue=False,
    )


def agent(
    plane: ControlPlane, setup: AgentSetup, allowed: Mapping[str, list[str]] | None = None
) -> OfficialAgent:
    """An agent, which may have a list of the locations that it serves in full deployments."""
    file = setup.configuration(plane.url)
    if allowed is not None:
        file["allowed_full_deployment_locations"] = allowed
    return OfficialAgent(plane, own_environment(), setup, file=json.dumps(file))


def late_agents(plane: ControlPlane, starter: AgentSetup) -> Iterator[OfficialAgent]:
    """They are alive, and none of them takes the runs."""
    greedy = agent_setup(plane, "greedy", [QUEUES[FOREIGN], "gpus"])
    yield agent(plane, replace(greedy, token=plane.agent_token("poor", queues=["gpus"])))
    picky = agent_setup(plane, "picky", [QUEUES[LISTED]])
    yield agent(plane, picky, allowed={DEPLOYMENT: ["another"]})
    fault = plane.folder / "slow"
    fault.write_text("hang", encoding="utf-8")
    yield agent(plane, replace(starter, variables={"FAULT_FILE": str(fault)}))


def test_a_pause_of_everything(ground: Ground) -> None:
    sentence = "No run starts in any deployment since 20"
    try:
        ground.prod.waits(ground.runs[LOCATION], "ORGANIZATION_PAUSED", sentence)
    finally:
        control_without_dagster(ground.prod.plane.store).pauses.end(COMMAND_LINE)


def test_agents_that_are_down(ground: Ground) -> None:
    sentence = "Agent 'worker' would serve queue 'gpu' and has not been heard of since 20"
    ground.prod.waits(ground.runs[LOCATION], "AGENTS_DOWN", sentence)


def test_a_token_that_does_not_grant_the_queue(ground: Ground) -> None:
    sentence = "Agent 'greedy' asks for queue 'tpu', and its token 'poor' does not grant it."
    ground.prod.waits(ground.runs[FOREIGN], "NOT_GRANTED", sentence)


def test_a_server_that_is_starting(ground: Ground) -> None:
    sentence = "The agents of queue 'slow' are starting the code servers of their locations"
    ground.prod.waits(ground.runs[SLOW], "SERVER_STARTING", sentence)
    ground.prod.is_said(SLOW, "SERVER_STARTING", "is starting its code server")


def test_a_launch_by_the_official_command_line_says_it(ground: Ground) -> None:
    launch = ("--location", LOCATION, "--job", "whispering")
    said = ground.prod.official().run("dagster-cloud job launch", *launch, fails=True)
    assert "nobody serves it since" in said.text
    assert "queue 'gpu'" in said.text


def test_a_launch_that_was_taken_by_an_agent_that_died(ground: Ground) -> None:
    stub = ShortLivedAgent(url=ground.prod.plane.url, setup=ground.setup)
    run_id = ground.runs[LOCATION]
    taken: set[str] = set()

    def is_taken() -> bool:
        taken.add(stub.take_launch() or "")
        return run_id in taken

    eventually(is_taken, 60, "the launch")
    said = ground.prod.why(run_id)
    # Its heartbeat is old.
    assert said["code"] in {"POPPED_NOT_ANSWERED", "AGENT_LOST"}, said
    assert "was taken by" in said["says"]
    assert "(token 'worker') at 20" in said["says"]


def test_an_unserved_queue_and_one_whose_agent_has_a_list(ground: Ground) -> None:
    prod = ground.prod
    token = prod.plane.token_record("worker")
    control = control_without_dagster(prod.plane.store)
    for agent_id in {
        beat.agent_id
        for beat in prod.plane.store.agents.all(ORGANIZATION)
        if beat.token_id == token.id
    }:
        control.agents.forget_gone(COMMAND_LINE, agent_id)
    # What the agent took is given back, as it has not begun it.
    prod.waits(ground.runs[LOCATION], "UNSERVED_QUEUE", "queue 'gpu'", "Did you mean 'gpus'?")
    # It would run what is launched, as official agents look at their list when they load code.
    prod.is_said(LISTED, "NOT_ALLOWED", "picky serves queue 'cpu' and refuses location")


def test_an_agent_with_a_user_token_reads_it_in_its_log(ground: Ground) -> None:
    plane = ground.prod.plane
    setup = AgentSetup(label="wrong", token=ground.prod.token, deployments=[DEPLOYMENT])
    with OfficialAgent(plane, own_environment(), setup) as wrong:
        wrong.wait_for_log("is a user token, and an agent calls with it", 90)
        wrong.kill()
    callers = control_without_dagster(plane.store).callers

    def is_listed() -> bool:
        return any("'eve'" in each.name for each in callers.refused(COMMAND_LINE))

    assert eventually(is_listed, 30, "the caller on the list")
