"""Why runs wait that somebody holds back, and those of an agent that does not answer."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest
from sqlalchemy import select

from dagstead.control.actor import SYSTEM
from dagstead.plane.deployments import Branch
from dagstead.plane.requests import RequestState
from dagstead.store.tables import requests
from dagstead.testing.waiting import eventually
from tests.support.agents import AgentSetup, OfficialAgent, code_servers
from tests.support.asking_why import PATIENCE, AskingWhy
from tests.support.control_plane import ControlPlane
from tests.support.environments import own_environment
from tests.support.orchestration import control_without_dagster

pytestmark = pytest.mark.compat

QUEUE = "held"
LOCATION = "shop"
#: Configuration that nobody has launched a job with: the plan of its run has to be asked for.
UNKNOWN = ("--config-json", '{"loggers": {"console": {"config": {"name": "another"}}}}')
_SET_POOL = """
mutation SetPool($pool: String!) { setConcurrencyLimit(concurrencyKey: $pool, limit: 1) }
"""


@dataclass(frozen=True, kw_only=True)
class Ground:
    """A live agent, and a run that holds what the others want."""

    prod: AskingWhy
    branch: AskingWhy
    agent: OfficialAgent
    #: Another one with its token, which serves another queue.
    other: OfficialAgent
    holder: str
    #: While it says "hang", code servers do not come up.
    fault: Path

    @property
    def held_by(self) -> str:
        return f"1 of 1, held by {self.holder[:8]}."


@pytest.fixture(scope="module")
def ground(plane: ControlPlane) -> Iterator[Ground]:
    limits = {"concurrency": {"runs": {"tag_concurrency_limits": [{"key": "team", "limit": 1}]}}}
    deployment = plane.deployment("held", settings=limits)
    control = control_without_dagster(plane.store)
    opened = control.deployments.open_branch(SYSTEM, Branch(repo_name="o/r", branch_name="b"), None)
    plane.store.deployments.set_settings(opened.name, {"releases": {"unserved_queue": "wait"}})
    plane.store.properties.set_organization_settings(
        {"max_concurrent_runs_per_branch_deployment": 1}
    )
    prod = AskingWhy(plane=plane, deployment=deployment, token=plane.user_token("ada"))
    branch = replace(prod, deployment=plane.client(opened.name))
    fault = plane.folder / "fault"
    setup = AgentSetup(
        label="holder",
        token=plane.agent_token("holder"),
        deployments=["held"],
        branch_deployments=True,
        queues=[QUEUE],
        default_queue=False,
        variables={"FAULT_FILE": str(fault)},
    )
    elsewhere = replace(setup, label="other", queues=["elsewhere"], branch_deployments=False)
    with (
        closing(deployment),
        closing(branch.deployment),
        OfficialAgent(plane, own_environment(), setup) as agent,
        OfficialAgent(plane, own_environment(), elsewhere) as other,
    ):
        for each in (prod, branch):
            each.deployment.deploy(LOCATION, "compat_waits", queue=QUEUE)
        deployment.graphql(_SET_POOL, pool="narrow")
        deployment.wait_until_loaded(LOCATION)
        holder = deployment.launch(LOCATION, "holding", tags={"team": "red"})
        deployment.wait_for_run(holder, {"STARTED"})
        branch.deployment.wait_until_loaded(LOCATION)
        yield Ground(prod=prod, branch=branch, agent=agent, other=other, holder=holder, fault=fault)
        other.kill()
        agent.kill()


@pytest.mark.thorough
def test_a_concurrency_pool(ground: Ground) -> None:
    run_id = ground.prod.deployment.launch(LOCATION, "holding")
    said = f"The slots of concurrency pool 'narrow' are taken: {ground.held_by}"
    ground.prod.waits(run_id, "CONCURRENCY_POOL", said)
    ground.prod.deployment.terminate(run_id)


def test_a_limit_of_a_tag(ground: Ground) -> None:
    run_id = ground.prod.deployment.launch(LOCATION, "whispering", tags={"team": "blue"})
    said = f"with the tag 'team' in deployment 'held' is reached: {ground.held_by}"
    ground.prod.waits(run_id, "TAG_LIMIT", said)
    assert ground.prod.why(run_id)["command"] == "dagstead deployment settings held"
    ground.prod.deployment.terminate(run_id)


def test_a_limit_of_a_queue(ground: Ground) -> None:
    ground.prod.command("queues", "set", QUEUE, "--limit", "1")
    run_id = ground.prod.deployment.launch(LOCATION, "whispering")
    said = f"The limit of queue 'held' is reached: {ground.held_by}"
    ground.prod.waits(run_id, "QUEUE_LIMIT", said)
    ground.prod.command(*ground.prod.why(run_id)["command"].split()[1:])
    ground.prod.deployment.succeed(run_id)
    ground.prod.command("queues", "set", QUEUE, "--limit", "none")


@pytest.mark.thorough
def test_a_limit_of_branch_deployments_and_a_branch_that_is_closed(ground: Ground) -> None:
    branch = ground.branch
    name = branch.deployment.name
    holder = branch.deployment.launch(LOCATION, "holding")
    branch.deployment.wait_for_run(holder, {"STARTED"})
    run_id = branch.deployment.launch(LOCATION, "whispering")
    said = f"in branch deployment '{name}' is reached: 1 of 1, held by {holder[:8]}."
    branch.waits(run_id, "RUN_LIMIT", said)

    closed = Branch(repo_name="o/r", branch_name="b", pull_request_status="CLOSED")
    control_without_dagster(branch.plane.store).deployments.open_branch(SYSTEM, closed, None)
    branch.waits(run_id, "DEPLOYMENT_CLOSED", f"Deployment '{name}' is closed")


def test_a_queue_that_somebody_has_paused_and_an_agent_that_took_a_run_and_is_frozen(
    ground: Ground,
) -> None:
    prod = ground.prod
    prod.command("queues", "pause", QUEUE, "--note", "the GPU is hot")
    run_id = prod.deployment.launch(LOCATION, "whispering")
    prod.waits(run_id, "QUEUE_PAUSED", "Queue 'held' was paused by ada at 20", "the GPU is hot.")

    agent = psutil.Process(ground.agent.pid)
    agent.suspend()
    prod.command("queues", "resume", QUEUE)
    eventually(lambda: launch_state(prod.plane, run_id), PATIENCE, "the launch on its queue")
    eventually(
        lambda: is_popped(prod.plane, agent, run_id), PATIENCE, "a poll that nobody waits for"
    )
    prod.waits(
        run_id,
        "POPPED_NOT_ANSWERED",
        "The launch was taken by one of the agents",
        "'holder'",
        "(token 'holder') at 20",
        "and is not answered yet.",
    )
    agent.resume()
    prod.deployment.succeed(run_id)


def test_a_code_server_that_cannot_be_reached(ground: Ground) -> None:
    ground.fault.write_text("hang", encoding="utf-8")
    for server in code_servers(ground.agent):
        server.kill()
    launch = ("--location", LOCATION, "--job", "whispering", *UNKNOWN)
    refused = ground.prod.official().run("dagster-cloud job launch", *launch, fails=True).text
    assert "cannot reach its code server" in " ".join(refused.split())
    ground.prod.is_said(LOCATION, "SERVER_AWAY", "cannot reach its code server")
    ground.fault.unlink()
    eventually(lambda: ground.prod.why(LOCATION)["code"] == "LIVE", PATIENCE, "another code server")


def test_a_request_whose_time_is_over_and_a_launch_that_says_why(ground: Ground) -> None:
    prod = ground.prod
    ground.other.kill()
    ground.agent.signal(signal.SIGSTOP)
    for command in ("dagster-cloud job launch", "dg api run launch"):
        launch = ("--location", LOCATION, "--job", "whispering", *UNKNOWN)
        refused = " ".join(prod.official().run(command, *launch, fails=True).text.split())
        assert "nobody serves it since" in refused, refused
        assert "Agent 'holder' would serve queue 'held'" in refused, refused
    expired = select(requests.c.id).where(
        requests.c.deployment == "held", requests.c.state == str(RequestState.EXPIRED)
    )
    with prod.plane.store.database.read() as connection:
        request_id = connection.execute(expired).scalars().first()
    assert request_id is not None
    prod.is_said(request_id, "EXPIRED", "Nobody waits for its answer any more")


def launch_state(plane: ControlPlane, run_id: str) -> RequestState | None:
    found = plane.store.requests.of_run("held", run_id)
    return found[-1].state if found else None


def is_popped(plane: ControlPlane, agent: psutil.Process, run_id: str) -> bool:
    """One try: a frozen server gets the next call of the agent, and answers it when that is frozen.

    The call may be another one than the poll for work.
    """
    if launch_state(plane, run_id) is RequestState.LEASED:
        return True
    web = plane.web_process
    web.suspend()
    try:
        agent.resume()
        eventually(lambda: has_unread_calls(plane.port), PATIENCE, "a call of the agent")
    finally:
        agent.suspend()
        web.resume()
    return False


def has_unread_calls(port: int) -> bool:
    """Whether this machine has bytes for a server that it has not read."""
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        _, local, _, state, queues = line.split()[:5]
        is_listening = state == "0A"
        if int(local.split(":")[1], 16) == port and int(queues.split(":")[1], 16):
            return not is_listening
    return False
