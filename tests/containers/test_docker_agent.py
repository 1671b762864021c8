"""The official Docker agent, unmodified and in a container, against our server on Postgres."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from dagstead.testing.waiting import eventually
from tests.support.asking_why import AskingWhy
from tests.support.containers.agent import AGENT, QUEUE, RUN, DockerAgent, configuration
from tests.support.containers.docker import Docker, Network
from tests.support.containers.registry import Registry
from tests.support.control_plane import ControlPlane
from tests.support.deployment import DeploymentClient
from tests.support.postgres import PostgresCluster

pytestmark = pytest.mark.containers

HYBRID = "hybrid"
SERVERLESS = "serverless"
AGENT_LABEL = "dagster/agent_label"

#: An agent that starts removes what another one has left after ten minutes without a heartbeat, if
#: it is an hour old.
QUICK_CLEANUP = {
    "DAGSTER_CLOUD_ACTIVE_AGENT_HEARTBEAT_INTERVAL": "90",
    "DAGSTER_CLOUD_CLEANUP_SERVER_GRACE_PERIOD_SECONDS": "1",
}


@dataclass(frozen=True, kw_only=True)
class Site:
    """A control plane with its pool, the agent in Docker, and a location of each."""

    plane: ControlPlane
    prod: DeploymentClient
    agent: DockerAgent


@pytest.fixture(scope="module")
def site(
    docker: Docker,
    network: Network,
    agent_image: str,
    location_image: str,
    postgres_cluster: PostgresCluster,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    with ExitStack() as stack:
        database = stack.enter_context(postgres_cluster.database())
        plane = stack.enter_context(
            ControlPlane(folder, database=database, host=network.gateway, pool=True)
        )
        prod = plane.deployment("prod")
        stack.callback(prod.close)
        agent = stack.enter_context(
            DockerAgent(
                docker,
                network,
                image=agent_image,
                file=configuration(folder, plane.url, network),
                token=plane.agent_token(AGENT, queues=[QUEUE]),
                variables=QUICK_CLEANUP,
            )
        )
        prod.deploy(HYBRID, "compat_definitions", queue=QUEUE, image=location_image)
        prod.deploy(SERVERLESS, "compat_small")
        prod.wait_until_loaded(HYBRID, SERVERLESS)
        yield Site(plane=plane, prod=prod, agent=agent)


def test_a_code_server_runs_the_image_that_is_pinned_by_digest(
    site: Site, location_image: str
) -> None:
    (server,) = site.agent.code_servers()

    assert "@sha256:" in location_image
    assert server["Config"]["Image"] == location_image
    assert server["State"]["Running"]


@pytest.fixture(scope="module")
def run_in_docker(site: Site) -> str:
    """A run that has succeeded."""
    run_id = site.prod.launch(HYBRID, "plain_assets")
    site.prod.succeed(run_id)
    return run_id


def test_each_location_runs_on_the_agent_of_its_queue(
    site: Site, docker: Docker, run_in_docker: str, location_image: str
) -> None:
    in_pool = site.prod.launch(SERVERLESS, "whispering")

    assert site.prod.run(run_in_docker)["tags"][AGENT_LABEL] == AGENT
    assert site.prod.succeed(in_pool)["tags"][AGENT_LABEL] != AGENT
    (container,) = docker.containers(f"{RUN}={run_in_docker}")
    assert container["Config"]["Image"] == location_image
    assert container["State"]["ExitCode"] == 0


def test_the_output_of_a_run_in_a_container_is_readable_on_the_server(
    site: Site, run_in_docker: str
) -> None:
    output = site.prod.captured(run_in_docker)

    assert "said on stdout" in output["stdout"]
    assert "said on stderr" in output["stderr"]


def test_a_run_in_a_container_is_terminated(site: Site, docker: Docker) -> None:
    run_id = site.prod.launch(HYBRID, "endless")
    site.prod.wait_for_run(run_id, {"STARTED"})
    eventually(
        lambda: "ExecutionStepStartEvent" in {e["__typename"] for e in site.prod.events(run_id)},
        60,
        "the first step",
    )

    site.prod.terminate(run_id)

    site.prod.wait_for_run(run_id, {"CANCELED"})
    eventually(
        lambda: not docker.containers(f"{RUN}={run_id}")[0]["State"]["Running"],
        30,
        "the end of the run's container",
    )


def test_an_agent_that_was_killed_works_on_when_it_is_started_again(site: Site) -> None:
    (before,) = site.agent.code_servers()
    site.plane.stop_daemons()
    waiting = site.prod.launch(HYBRID, "plain_assets")
    site.agent.kill()
    assert site.agent.code_servers()[0]["State"]["Running"]
    site.plane.let_agents_be_long_gone(AGENT)

    site.plane.start()
    site.agent.start()

    site.agent.wait_until_ready(starts=2)
    site.prod.succeed(waiting)
    (after,) = site.agent.code_servers()
    assert after["Id"] != before["Id"]


def test_an_image_that_cannot_be_pulled_is_the_reason(site: Site, registry: Registry) -> None:
    who = AskingWhy(plane=site.plane, deployment=site.prod, token=site.plane.user_token("ada"))
    image = f"{registry.repository('locations/nothing')}:1"
    site.prod.deploy("unpullable", "compat_small", queue=QUEUE, image=image)

    who.is_said("unpullable", "IMAGE_PULL", "cannot pull its image", "locations/nothing:1")
    launch = ("--location", "unpullable", "--job", "whispering")
    said = who.official().run("dagster-cloud job launch", *launch, fails=True).text
    assert "locations/nothing" in said
    site.prod.delete_location("unpullable")


def test_a_run_goes_to_the_fallback_when_its_agent_is_dead_and_ends_there(
    site: Site, docker: Docker, network: Network, agent_image: str
) -> None:
    plane, prod = site.plane, site.prod
    who = AskingWhy(plane=plane, deployment=prod, token=plane.user_token("mia"))
    folder = plane.folder / "spare"
    folder.mkdir()
    who.command("queues", "set", QUEUE, "--longest-wait", "1m", "--fallback", "queue:spare")
    who.command("queues", "pause", QUEUE)
    run_id = prod.launch(HYBRID, "plain_assets")
    with DockerAgent(
        docker,
        network,
        image=agent_image,
        file=configuration(folder, plane.url, network, queue="spare"),
        token=plane.agent_token("spare", queues=["spare", QUEUE]),
    ) as spare:
        spare.wait_until_ready()
        site.agent.kill()
        plane.let_agents_be_long_gone(AGENT)
        plane.let_launches_be_old(run_id)
        who.command("queues", "resume", QUEUE)

        prod.succeed(run_id)
        said = f"The run goes to queue 'spare', the fallback of queue '{QUEUE}'."
        assert said in prod.messages(run_id)
        assert "LAUNCH_RUN" in spare.log
    site.agent.start()
    site.agent.wait_until_ready(starts=3)
    who.command("queues", "set", QUEUE, "--fallback", "wait")


def test_an_agent_that_is_stopped_leaves_the_containers_of_ended_runs_only(
    site: Site, docker: Docker
) -> None:
    # The agent was started again just now.
    eventually(site.agent.code_servers, 60, "its code server")

    site.agent.stop()

    assert site.agent.code_servers() == []
    runs = docker.containers(RUN)
    assert runs
    assert not any(each["State"]["Running"] for each in runs)
