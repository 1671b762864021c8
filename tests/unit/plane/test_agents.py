"""A heartbeat as routing sees it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dagstead.model.agents import AgentKind
from dagstead.plane.agents import as_agent, of_deployment
from tests.support.heartbeats import POOL_TOKEN, heartbeat_of

BEAT = heartbeat_of(
    "gpu",
    metadata={
        "allowed_full_deployment_locations": {"prod": ["digits"]},
        "allowed_branch_deployment_locations": [],
    },
)


def test_an_agent_is_what_its_heartbeat_says() -> None:
    agent = as_agent(BEAT, is_branch=False)

    assert (agent.name, agent.kind) == ("eu", AgentKind.HYBRID)
    assert (agent.queues, agent.deployments) == ({"gpu"}, {"prod"})
    assert not agent.branch_deployments
    assert agent.allowed_full == {"prod": {"digits"}}


def test_empty_lists_of_a_heartbeat_limit_nothing() -> None:
    free = replace(BEAT, metadata={"allowed_full_deployment_locations": {}})

    assert as_agent(BEAT, is_branch=False).allowed_branch is None
    assert as_agent(free, is_branch=False).allowed_full is None


def test_a_heartbeat_that_counts_for_a_branch_deployment_serves_them() -> None:
    assert as_agent(BEAT, is_branch=True).branch_deployments


def test_the_pool_and_an_agent_without_a_label_are_known() -> None:
    assert as_agent(replace(BEAT, pool=POOL_TOKEN), is_branch=False).kind is AgentKind.POOL
    assert as_agent(replace(BEAT, label=None), is_branch=False).name == "a-1"


def test_the_pool_serves_a_deployment_that_it_has_not_named_yet() -> None:
    pool = replace(BEAT, pool=POOL_TOKEN, agent_id="a-2")

    assert of_deployment([BEAT, pool], "fresh", is_branch=False) == [pool]
    assert as_agent(pool, is_branch=False).deployments is None


@pytest.mark.parametrize("label", ["managed pool", "eu", None])
def test_an_agent_is_not_the_pool_by_what_it_calls_itself(label: str | None) -> None:
    posing = replace(BEAT, label=label, metadata={"serverless": True})

    assert as_agent(posing, is_branch=False).kind is AgentKind.HYBRID
    assert of_deployment([posing], "fresh", is_branch=False) == []


def test_a_pool_serves_no_more_than_its_token_grants() -> None:
    branches = replace(POOL_TOKEN, deployments=frozenset())
    pool = replace(BEAT, pool=branches, deployment="branch")

    assert of_deployment([pool], "fresh", is_branch=False) == []
    assert of_deployment([pool], "another-branch", is_branch=True) == [pool]
    assert as_agent(pool, is_branch=True).deployments == frozenset()
