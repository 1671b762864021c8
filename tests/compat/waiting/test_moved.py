"""Runs of a queue whose agent died, which has a fallback, and a location that moves meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import pytest

from tests.support.agents import AgentSetup, OfficialAgent
from tests.support.asking_why import AskingWhy
from tests.support.control_plane import ControlPlane
from tests.support.environments import own_environment

pytestmark = pytest.mark.compat

DEPLOYMENT = "moved"
HOME, SPARE = "home", "spare"
LOCATION = "folder"


@dataclass(frozen=True, kw_only=True)
class Ground:
    """A live agent of the spare queue; that of the queue home is dead, and had loaded the code."""

    who: AskingWhy
    #: It was launched while the queue was paused.
    run: str


@pytest.fixture(scope="module")
def ground(plane: ControlPlane) -> Iterator[Ground]:
    deployment = plane.deployment(DEPLOYMENT)
    who = AskingWhy(plane=plane, deployment=deployment, token=plane.user_token("mia"))

    def agent(queue: str, *, grants: list[str]) -> OfficialAgent:
        setup = AgentSetup(
            label=queue,
            token=plane.agent_token(queue, queues=grants),
            deployments=[DEPLOYMENT],
            queues=[queue],
            default_queue=False,
        )
        return OfficialAgent(plane, own_environment(), setup)

    with (
        closing(deployment),
        agent(HOME, grants=[HOME]) as at_home,
        agent(SPARE, grants=[HOME, SPARE]) as spare,
    ):
        deployment.deploy(LOCATION, "compat_small", queue=HOME)
        deployment.wait_until_loaded(LOCATION)
        who.command("queues", "set", HOME, "--longest-wait", "1m", "--fallback", f"queue:{SPARE}")
        who.command("queues", "set", SPARE, "--limit", "5")
        who.command("queues", "pause", HOME)
        run = deployment.launch(LOCATION, "whispering")
        at_home.kill()
        plane.let_agents_be_long_gone(HOME)
        plane.let_launches_be_old(run)
        who.command("queues", "resume", HOME)
        yield Ground(who=who, run=run)
        spare.kill()


def test_code_in_a_folder_goes_nowhere_and_says_who_is_down(ground: Ground) -> None:
    sentence = f"Agent '{HOME}' would serve queue '{HOME}' and has not been heard of since 20"
    refusal = f"No agent of its fallback, queue '{SPARE}', can run code in a folder"
    ground.who.waits(ground.run, "AGENTS_DOWN", sentence, refusal)


def test_a_queue_that_runs_wait_for_is_not_removed(ground: Ground) -> None:
    """Neither is the one that its runs go to."""
    for queue, by in ((HOME, f"location {DEPLOYMENT}/"), (SPARE, "the fallback of")):
        assert by in ground.who.refusal("queues", "remove", queue)
    assert ground.who.why(ground.run)["queue"] == HOME


@pytest.mark.thorough
def test_a_location_that_moves_takes_no_run_with_it(ground: Ground) -> None:
    """The queue of a run is fixed when it is queued."""
    deployment = ground.who.deployment
    deployment.deploy(LOCATION, "compat_small", queue=SPARE)
    deployment.wait_until_loaded(LOCATION)
    moved = deployment.launch(LOCATION, "whispering")
    assert deployment.succeed(moved)["tags"]["dagster/agent_label"] == SPARE
    assert ground.who.why(ground.run)["queue"] == HOME
    deployment.terminate(ground.run)
