"""What an agent may not do is said in its own log; what nobody serves is said to the person."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dagstead.testing.waiting import eventually
from tests.support.agents import AgentSetup, OfficialAgent
from tests.support.control_plane import ControlPlane
from tests.support.deployment import DeploymentClient, GraphQLRefusedError
from tests.support.environments import AGENT_MINORS, agent_environment

pytestmark = pytest.mark.compat

#: An agent starts in a few seconds, and polls several times a second from then on.
LOG_SECONDS = 90.0


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane with the deployments prod and staging."""
    with ControlPlane(tmp_path_factory.mktemp("grants")) as plane:
        plane.deployment("staging").close()
        yield plane


@pytest.fixture(scope="module")
def deployment(plane: ControlPlane) -> Iterator[DeploymentClient]:
    """The deployment prod."""
    client = plane.deployment("prod")
    yield client
    client.close()


def test_a_queue_that_the_token_does_not_grant_is_refused_in_the_agents_log(
    plane: ControlPlane, deployment: DeploymentClient
) -> None:
    setup = AgentSetup(
        label="greedy",
        token=plane.agent_token("greedy", queues=["small"]),
        deployments=[deployment.name],
        queues=["large"],
        default_queue=False,
    )
    with _agent(plane, setup) as agent:
        agent.wait_for_log("Agent token 'greedy' may not serve: large.", LOG_SECONDS)
        agent.wait_for_log("It may serve: small", LOG_SECONDS)
        agent.kill()


def test_a_deployment_that_the_token_does_not_grant_is_refused_in_the_agents_log(
    plane: ControlPlane, deployment: DeploymentClient
) -> None:
    setup = AgentSetup(
        label="elsewhere",
        token=plane.agent_token("elsewhere", deployments=["staging"]),
        deployments=[deployment.name],
    )
    with _agent(plane, setup) as agent:
        agent.wait_for_log("may not use deployment 'prod'", LOG_SECONDS)
        agent.kill()


def test_queues_beyond_the_grant_are_cut_off_and_the_others_served(
    plane: ControlPlane, deployment: DeploymentClient
) -> None:
    setup = AgentSetup(
        label="partly",
        token=plane.agent_token("partly", queues=["granted"]),
        deployments=[deployment.name],
        queues=["granted", "foreign"],
    )
    with _agent(plane, setup) as agent:
        deployment.deploy("on_foreign", "compat_small", queue="foreign")
        deployment.deploy("on_default", "compat_small")
        deployment.deploy("on_granted", "compat_small", queue="granted")
        deployment.wait_until_loaded("on_granted")
        beats = eventually(
            lambda: [each for each in plane.store.agents.of("prod") if each.label == "partly"],
            LOG_SECONDS,
            "the agent's heartbeat",
        )
        agent.kill()

    assert deployment.location("on_foreign").load_status == "LOADING"
    assert deployment.location("on_default").load_status == "LOADING"
    assert [each.queues for each in beats] == [frozenset({"granted"})]


def test_a_revoked_token_ends_an_agents_work_with_a_sentence(
    plane: ControlPlane, deployment: DeploymentClient
) -> None:
    setup = AgentSetup(
        label="former",
        token=plane.agent_token("former"),
        deployments=[deployment.name],
        queues=["former"],
        default_queue=False,
    )
    with _agent(plane, setup) as agent:
        deployment.deploy("of_former", "compat_small", queue="former")
        deployment.wait_until_loaded("of_former")

        plane.store.tokens.revoke(plane.token_record("former").id)

        agent.wait_for_log("was revoked", LOG_SECONDS)
        agent.kill()


def test_a_location_on_a_queue_that_nobody_serves_says_so_and_keeps_what_it_had(
    plane: ControlPlane, deployment: DeploymentClient
) -> None:
    setup = AgentSetup(
        label="present",
        token=plane.agent_token("present"),
        deployments=[deployment.name],
        queues=["present"],
        default_queue=False,
    )
    with _agent(plane, setup) as agent:
        deployment.deploy("moved", "compat_small", queue="present")
        deployment.wait_until_loaded("moved")
        deployment.deploy("moved", "compat_small", queue="presnet")

        with pytest.raises(GraphQLRefusedError) as refused:
            deployment.launch("moved", "whispering")

        assert "'presnet'" in str(refused.value)
        assert "present" in str(refused.value)
        assert "whispering" in deployment.served_jobs("moved")
        assert deployment.location("moved").load_status == "LOADING"

        # The mistake is mended by the next deploy.
        deployment.deploy("moved", "compat_small", queue="present")
        deployment.wait_until_loaded("moved")
        agent.kill()


def _agent(plane: ControlPlane, setup: AgentSetup) -> OfficialAgent:
    return OfficialAgent(plane, agent_environment(AGENT_MINORS[-1]), setup)
