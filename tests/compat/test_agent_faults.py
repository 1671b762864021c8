"""What is left of deploys and runs when servers, agents and workers are ended by force."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import psutil
import pytest

from dagstead.plane.launch_machine.machine import ASKING_TIMES, NOT_ITS_WORKER
from dagstead.plane.requests import LAUNCH_RUN, Request, RequestState
from dagstead.testing.waiting import eventually
from tests.support.agents import AgentSetup, OfficialAgent, ShortLivedAgent
from tests.support.control_plane import ControlPlane
from tests.support.deployment import DeploymentClient
from tests.support.environments import AGENT_MINORS, agent_environment

pytestmark = pytest.mark.compat

DEPLOYMENT = "prod"
LOCATION = "shop"
QUEUE = "steady"

MONITORING = {"cancel_timeout_seconds": 5}

NOT_ISOLATED = {"dagster/isolation": "disabled"}


@dataclass(frozen=True, kw_only=True)
class Ground:
    """A control plane with one official agent on the queue ``steady``."""

    plane: ControlPlane
    deployment: DeploymentClient
    setup: AgentSetup


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane that tests may end by force, if they start it again."""
    with ControlPlane(tmp_path_factory.mktemp("faults")) as plane:
        yield plane


@pytest.fixture(scope="module")
def ground(plane: ControlPlane) -> Iterator[Ground]:
    """Its deployment prod, with the location shop loaded by an agent."""
    deployment = plane.deployment(DEPLOYMENT, settings={"run_monitoring": MONITORING})
    setup = _setup(plane, "steady", QUEUE)
    with _agent(plane, setup) as agent:
        deployment.deploy(LOCATION, "compat_definitions", queue=QUEUE)
        deployment.wait_until_loaded(LOCATION)
        yield Ground(plane=plane, deployment=deployment, setup=setup)
        agent.kill()
    deployment.close()


@pytest.fixture
def short_start_timeout(ground: Ground) -> Iterator[None]:
    """Runs that have not started after ten seconds are failed."""
    deployments = ground.plane.store.deployments
    before = deployments.get(DEPLOYMENT).settings
    quick = {"run_monitoring": {**MONITORING, "start_timeout_seconds": 10}}
    deployments.set_settings(DEPLOYMENT, {**before, **quick})
    yield
    deployments.set_settings(DEPLOYMENT, before)


def test_a_deploy_survives_a_killed_server(ground: Ground) -> None:
    ground.deployment.deploy("deployed_meanwhile", "compat_small", queue=QUEUE)

    ground.plane.kill()
    ground.plane.start()

    ground.deployment.wait_until_loaded("deployed_meanwhile", LOCATION)
    run_id = ground.deployment.launch("deployed_meanwhile", "whispering", tags=NOT_ISOLATED)
    ground.deployment.succeed(run_id)
    ground.deployment.delete_location("deployed_meanwhile")


def test_a_deploy_whose_news_was_lost_on_the_way_is_told_again(ground: Ground) -> None:
    """As when the connection breaks after the server has handed out the workspace check."""
    setup = _setup(ground.plane, "deaf", "deaf")
    stub = ShortLivedAgent(url=ground.plane.url, setup=setup)
    with _agent(ground.plane, setup) as agent:
        ground.deployment.deploy("unheard", "compat_small", queue="deaf")
        ground.deployment.wait_until_loaded("unheard")
        agent.signal(signal.SIGSTOP)
        # What comes now could still go to the poll that the agent has open; this one ends later.
        # The check of the first deploy waits if the agent has loaded it before its first poll.
        assert eventually(lambda: not stub.take_check(), 60, "a poll that gets no check")
        ground.deployment.deploy("unheard", "compat_small", queue="deaf")
        assert eventually(stub.take_check, 30, "the workspace check")
        agent.signal(signal.SIGCONT)
        ground.plane.let_deploys_be_old()

        ground.deployment.wait_until_loaded("unheard")
        agent.kill()
    ground.deployment.delete_location("unheard")


def test_a_run_survives_a_killed_server_with_every_event_once(ground: Ground) -> None:
    run_id = ground.deployment.launch(LOCATION, "counting")
    eventually(
        lambda: "line 10 of 100" in ground.deployment.messages(run_id), 120, "the tenth line"
    )

    ground.plane.kill()
    ground.plane.start()

    ground.deployment.succeed(run_id)
    events = ground.deployment.events(run_id)
    lines = Counter(each["message"] for each in events if each["message"].startswith("line "))
    assert lines == Counter(f"line {number} of 100" for number in range(100))
    kinds = Counter(each["__typename"] for each in events)
    assert kinds["RunStartEvent"] == kinds["RunSuccessEvent"] == 1


def test_a_run_outlives_its_agent_and_another_agent_serves_on(ground: Ground) -> None:
    deployment = ground.deployment
    mortal = _setup(ground.plane, "mortal", "mortal")
    with _agent(ground.plane, mortal) as agent:
        deployment.deploy("orphan", "compat_definitions", queue="mortal")
        deployment.wait_until_loaded("orphan")
        run_id = deployment.launch("orphan", "counting")
        deployment.wait_for_run(run_id, {"STARTED"})

        agent.kill_alone()

        deployment.succeed(run_id)
    with _agent(ground.plane, _setup(ground.plane, "heir", "mortal")) as heir:
        # It takes over the definitions: they are uploaded already, and served from now on by it.
        heir.wait_until_ready()
        second = deployment.launch("orphan", "letters", tags={"dagster/partition": "a"})
        assert deployment.succeed(second)["tags"]["dagster/agent_label"] == "heir"
        heir.kill()
    deployment.delete_location("orphan")


def test_a_run_whose_worker_was_killed_can_be_ended(ground: Ground) -> None:
    """Official agents do not watch the processes that they start: the run stays as it was."""
    run_id = ground.deployment.launch(LOCATION, "endless")
    ground.deployment.wait_for_run(run_id, {"STARTED"})
    worker = psutil.Process(int(ground.deployment.run(run_id)["tags"]["process/pid"]))
    worker.kill()

    assert ground.deployment.run(run_id)["status"] == "STARTED"
    ground.deployment.terminate(run_id)

    ground.deployment.wait_for_run(run_id, {"CANCELED"})


@pytest.fixture
def isolated(ground: Ground) -> Iterator[OfficialAgent]:
    """An agent whose workers ask for their runs, with the location ``watched``."""
    setup = replace(_setup(ground.plane, "isolated", "isolated"), isolated=True)
    with _agent(ground.plane, setup) as agent:
        ground.deployment.deploy("watched", "compat_definitions", queue="isolated")
        ground.deployment.wait_until_loaded("watched")
        yield agent
        agent.kill()
    ground.deployment.delete_location("watched")


@pytest.mark.thorough
def test_workers_of_an_isolated_agent_are_ended_and_known_to_have_died(
    ground: Ground, isolated: OfficialAgent
) -> None:
    deployment = ground.deployment
    ended = deployment.launch("watched", "endless")
    killed = _run_that_is_asked_for(ground)
    deployment.terminate(ended)
    deployment.wait_for_run(ended, {"CANCELED"})

    for worker in isolated.run_workers():
        worker.kill()
    ground.plane.let_workers_be_long_silent(killed)
    deployment.wait_for_run(killed, {"FAILURE"})
    assert "it asked for its run every ten seconds" in deployment.messages(killed)


def test_a_starting_run_is_terminated_and_never_works(ground: Ground) -> None:
    deployment = ground.deployment
    runs = [deployment.launch(LOCATION, "endless") for _ in range(3)]
    deployment.wait_for_run(runs[0], {"STARTING"})

    for run_id in runs:
        deployment.terminate(run_id)

    for run_id in runs:
        deployment.wait_for_run(run_id, {"CANCELED"})
        kinds = {each["__typename"] for each in deployment.events(run_id)}
        assert not kinds & {"RunSuccessEvent", "ExecutionStepSuccessEvent"}


def test_a_launch_that_died_with_its_agent_goes_to_another_one(ground: Ground) -> None:
    first = _setup(ground.plane, "first", "handed-over")
    run_id = _queued_with_dead_agent(ground, first)
    stub = ShortLivedAgent(url=ground.plane.url, setup=first)
    assert eventually(stub.take_launch, 60, "the launch") == run_id
    ground.plane.let_agents_be_long_gone("first")

    second = _setup(ground.plane, "second", "handed-over")
    with _agent(ground.plane, second) as agent:
        run = ground.deployment.succeed(run_id)
        agent.kill()

    assert run["tags"]["dagster/agent_label"] == "second"
    kinds = Counter(each["__typename"] for each in ground.deployment.events(run_id))
    assert kinds["RunStartEvent"] == 1
    (launch,) = _launches(ground.plane, run_id)
    assert (launch.deliveries, launch.state) == (2, RequestState.ANSWERED)


@pytest.mark.usefixtures("short_start_timeout")
def test_a_launch_that_was_begun_is_not_repeated_but_failed_with_the_reason(
    ground: Ground,
) -> None:
    first = _setup(ground.plane, "beginner", "begun")
    run_id = _queued_with_dead_agent(ground, first)
    stub = ShortLivedAgent(url=ground.plane.url, setup=first)
    assert eventually(stub.take_launch, 60, "the launch") == run_id
    stub.begin(run_id)
    ground.plane.let_agents_be_long_gone("beginner")

    ground.deployment.wait_for_run(run_id, {"FAILURE"})

    assert "its worker never reported" in ground.deployment.messages(run_id)
    (launch,) = _launches(ground.plane, run_id)
    assert launch.deliveries == 1


@pytest.mark.usefixtures("short_start_timeout")
def test_a_run_that_nobody_takes_is_failed_with_its_queue_named(ground: Ground) -> None:
    run_id = _queued_with_dead_agent(ground, _setup(ground.plane, "gone", "deserted"))

    ground.deployment.wait_for_run(run_id, {"FAILURE"})

    messages = ground.deployment.messages(run_id)
    assert "Waiting for an agent" in messages
    assert "'deserted'" in messages
    (launch,) = _launches(ground.plane, run_id)
    assert launch.state is RequestState.EXPIRED


def test_two_agents_of_one_queue_never_get_the_same_run(ground: Ground) -> None:
    deployment, plane = ground.deployment, ground.plane
    setups = [_setup(plane, label, "shared") for label in ("left", "right")]
    with (
        _agent(plane, setups[0]) as left,
        _agent(plane, setups[1]) as right,
    ):
        deployment.deploy("shared", "compat_small", queue="shared")
        deployment.wait_until_loaded("shared")
        runs = [deployment.launch("shared", "whispering", tags=NOT_ISOLATED) for _ in range(8)]
        labels = [deployment.succeed(each)["tags"]["dagster/agent_label"] for each in runs]
        left.kill()
        right.kill()

    for run_id, label in zip(runs, labels, strict=True):
        (launch,) = _launches(plane, run_id)
        assert launch.deliveries == 1
        assert launch.leased_by == plane.token_record(label).id
        kinds = Counter(each["__typename"] for each in deployment.events(run_id))
        assert kinds["RunStartEvent"] == kinds["RunSuccessEvent"] == 1
    deployment.delete_location("shared")


def _setup(plane: ControlPlane, label: str, queue: str) -> AgentSetup:
    return AgentSetup(
        label=label,
        token=plane.agent_token(label),
        deployments=[DEPLOYMENT],
        queues=[queue],
        default_queue=False,
    )


def _queued_with_dead_agent(ground: Ground, setup: AgentSetup) -> str:
    """A run whose launch waits on a queue of which the only agent has died long ago; its id."""
    deployment, plane = ground.deployment, ground.plane
    location = f"of_{setup.label}"
    with _agent(plane, setup) as agent:
        deployment.deploy(location, "compat_small", queue=setup.queues[0])
        deployment.wait_until_loaded(location)
        plane.stop_daemons()
        run_id = deployment.launch(location, "whispering")
        agent.kill()
    plane.let_agents_be_long_gone(setup.label)
    plane.start()
    return run_id


def _launches(plane: ControlPlane, run_id: str) -> list[Request]:
    found = plane.store.requests.of_run(DEPLOYMENT, run_id)
    return [each for each in found if each.api == LAUNCH_RUN]


def _run_that_is_asked_for(ground: Ground) -> str:
    """A run whose worker asks in its rhythm; on a busy machine, one may be too late for it."""
    for _ in range(3):
        run_id = ground.deployment.launch("watched", "endless")
        ground.deployment.wait_for_run(run_id, {"STARTED"})
        eventually(partial(_is_decided, ground.plane, run_id), 90, "its questions")
        if _asked_times(ground.plane, run_id) >= ASKING_TIMES:
            return run_id
        ground.deployment.terminate(run_id)
    pytest.fail("No worker asked for its run every ten seconds.")


def _is_decided(plane: ControlPlane, run_id: str) -> bool:
    times = _asked_times(plane, run_id)
    return times >= ASKING_TIMES or times == NOT_ITS_WORKER


def _asked_times(plane: ControlPlane, run_id: str) -> int:
    launch = plane.store.launches.newest(DEPLOYMENT, run_id)
    return 0 if launch is None else launch.asked_times


def _agent(plane: ControlPlane, setup: AgentSetup) -> OfficialAgent:
    return OfficialAgent(plane, agent_environment(AGENT_MINORS[-1]), setup)
