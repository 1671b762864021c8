"""What is said of a location that nobody will run names the next step."""

from __future__ import annotations

import pytest
from hypothesis import given

from dagstead.model.agents import Agent, Setting, managed_pool
from dagstead.routing.routes import BRANCHES, Destination, RoutedLocation, route
from dagstead.routing.wording import describe_refusal, describe_unserved
from tests.unit.routing.sets import AGENT_LISTS, LOCATIONS, TARGETS

PROD = Destination(deployment="prod")
EU = Agent(name="eu", queues=frozenset({"hybrid-queue"}), deployments=frozenset({"prod"}))


def said(
    queue: str | None, target: Destination = PROD, *, agents: list[Agent], running: bool
) -> str:
    found = route(RoutedLocation(name="digits", queue=queue), target, agents)
    assert not found.is_served
    return str(describe_unserved(found, running=running))


def test_a_wrong_queue_is_reported_with_the_nearest_one() -> None:
    text = said("hybrid-qeue", agents=[EU, managed_pool()], running=True)

    assert "No running agent serves queue 'hybrid-qeue'. Did you mean 'hybrid-queue'?" in text
    assert "eu: hybrid-queue" in text
    assert "managed pool: (default queue)" in text


def test_another_case_is_near_however_short_the_name() -> None:
    eu = Agent(name="eu", queues=frozenset({"EU"}))
    assert "Did you mean 'EU'?" in said("eu", agents=[eu], running=False)


def test_no_agent_at_all_is_reported_as_such() -> None:
    text = said(None, agents=[], running=True)
    assert "No agent is running that could serve the default queue" in text
    assert "dagstead agent list" in text
    assert "--agents" in said(None, agents=[], running=False)


@pytest.mark.parametrize("queue", ["default", "", "Default-Queue"])
def test_the_default_queue_by_a_name_is_said_to_have_none(queue: str) -> None:
    text = said(queue, agents=[managed_pool()], running=False)
    assert "The default queue has no name" in text
    assert "Did you mean" not in text


@pytest.mark.parametrize(
    ("target", "agent", "says"),
    [
        (Destination(deployment="staging"), EU, "eu serves it in deployment 'prod' only"),
        (BRANCHES, EU, "Set dagster_cloud_api.branch_deployments"),
        (
            PROD,
            Agent(name="eu", queues=EU.queues, allowed_full={"prod": frozenset({"other"})}),
            (
                "eu serves queue 'hybrid-queue' and refuses location 'digits': it is not in its "
                "allowed_full_deployment_locations for 'prod'"
            ),
        ),
    ],
)
def test_an_agent_that_nearly_would_is_named_with_what_is_missing(
    target: Destination, agent: Agent, says: str
) -> None:
    assert says in said("hybrid-queue", target, agents=[agent, managed_pool()], running=False)


def test_an_agent_that_may_serve_the_queue_is_named_with_what_is_missing() -> None:
    unread = Agent(
        name="eu",
        queues=frozenset({None}),
        deployments=frozenset(),
        branch_deployments=True,
        unknown=frozenset({Setting.QUEUES}),
    )

    text = said("hybrid-queue", agents=[unread], running=False)

    assert "eu serves it in branch deployments only" in text


@given(location=LOCATIONS, target=TARGETS, agents=AGENT_LISTS)
def test_there_is_a_sentence_for_whatever_the_sets_are(
    location: RoutedLocation, target: Destination, agents: list[Agent]
) -> None:
    found = route(location, target, agents)

    assert all(describe_refusal(each, found) for each in found.refusals)
    if not found.is_served:
        text = str(describe_unserved(found))
        assert text.endswith((".", "?"))
        assert ".." not in text
