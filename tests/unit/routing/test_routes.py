"""Routing depends on nothing but the sets."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from dagstead.model.agents import Agent, AgentKind, managed_pool
from dagstead.routing.routes import BRANCHES, Destination, Reason, RoutedLocation, route
from tests.unit.routing.sets import AGENT_LISTS, AGENTS, LOCATIONS, TARGETS

PROD = Destination(deployment="prod")

#: Sets of few names: whatever can go wrong does so early.
FEW = settings(max_examples=50)


def admits(agent: Agent, location: RoutedLocation, target: Destination) -> bool:
    """The rule again, as one expression over the sets."""
    allowed = (
        agent.allowed_branch
        if target.is_branch
        else (agent.allowed_full or {}).get(target.deployment)
    )
    served = (
        agent.branch_deployments
        if target.is_branch
        else agent.deployments is None or target.deployment in agent.deployments
    )
    return (
        served and location.queue in agent.queues and (allowed is None or location.name in allowed)
    )


@FEW
@given(location=LOCATIONS, target=TARGETS, agents=AGENT_LISTS)
def test_a_location_is_served_exactly_by_the_agents_whose_sets_admit_it(
    location: RoutedLocation, target: Destination, agents: list[Agent]
) -> None:
    found = route(location, target, agents)

    assert list(found.agents) == [each for each in agents if admits(each, location, target)]
    assert found.is_served == any(admits(each, location, target) for each in agents)


@FEW
@given(location=LOCATIONS, target=TARGETS, agents=AGENT_LISTS)
def test_every_agent_either_runs_a_location_or_has_a_reason(
    location: RoutedLocation, target: Destination, agents: list[Agent]
) -> None:
    found = route(location, target, agents)

    reported = [*found.agents, *(each.agent for each in found.refusals)]
    assert sorted(map(id, reported)) == sorted(map(id, agents))
    assert all(each.reasons for each in found.refusals)


@FEW
@given(location=LOCATIONS, target=TARGETS, agents=AGENT_LISTS, data=st.data())
def test_the_order_of_agents_is_no_matter(
    location: RoutedLocation, target: Destination, agents: list[Agent], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(agents))

    found, again = route(location, target, agents), route(location, target, shuffled)

    assert Counter(map(id, found.agents)) == Counter(map(id, again.agents))


@FEW
@given(
    location=LOCATIONS,
    target=TARGETS,
    agent=AGENTS,
    name=st.text(),
    kind=st.sampled_from(AgentKind),
)
def test_names_and_kinds_are_no_matter(
    location: RoutedLocation, target: Destination, agent: Agent, name: str, kind: AgentKind
) -> None:
    other = replace(agent, name=name, kind=kind, launcher=name)

    found, again = route(location, target, [agent]), route(location, target, [other])

    assert found.is_served == again.is_served
    assert [each.reasons for each in found.refusals] == [each.reasons for each in again.refusals]


@FEW
@given(location=LOCATIONS, target=TARGETS, agents=AGENT_LISTS, new=AGENTS)
def test_one_more_agent_takes_a_location_from_no_other(
    location: RoutedLocation, target: Destination, agents: list[Agent], new: Agent
) -> None:
    before = route(location, target, agents)
    after = route(location, target, [*agents, new])

    assert after.agents[: len(before.agents)] == before.agents
    assert set(map(id, after.agents)) - set(map(id, before.agents)) <= {id(new)}


@FEW
@given(location=LOCATIONS, target=TARGETS, agents=AGENT_LISTS)
def test_a_second_agent_of_the_same_sets_changes_nothing_but_the_number(
    location: RoutedLocation, target: Destination, agents: list[Agent]
) -> None:
    once, twice = route(location, target, agents), route(location, target, agents * 2)

    assert twice.is_served == once.is_served
    assert twice.agents == once.agents * 2


def test_each_reason_is_reported() -> None:
    location = RoutedLocation(name="digits", queue="gpu")
    agents = [
        managed_pool(),
        Agent(name="staging", queues=frozenset({"gpu"}), deployments=frozenset({"staging"})),
        Agent(name="picky", queues=frozenset({"gpu"}), allowed_full={"prod": frozenset({"x"})}),
        Agent(name="lost", queues=frozenset({"cpu"}), deployments=frozenset()),
    ]

    reasons = {each.agent.name: each.reasons for each in route(location, PROD, agents).refusals}
    in_branches = {
        each.agent.name: each.reasons for each in route(location, BRANCHES, agents).refusals
    }

    assert reasons == {
        "managed pool": (Reason.QUEUE,),
        "staging": (Reason.DEPLOYMENT,),
        "picky": (Reason.NOT_ALLOWED,),
        "lost": (Reason.QUEUE, Reason.DEPLOYMENT),
    }
    assert in_branches["picky"] == (Reason.BRANCH_DEPLOYMENTS,)
    off = Agent(name="off", queues=frozenset({"gpu"}))
    (refusal,) = route(RoutedLocation(name="weather", queue=None), PROD, [off]).refusals
    assert refusal.reasons == (Reason.DEFAULT_QUEUE_OFF,)


def test_only_the_allowed_list_leaves_the_requests_with_the_agent_that_refuses() -> None:
    location = RoutedLocation(name="digits", queue="gpu")
    picky = Agent(name="p", queues=frozenset({"gpu"}), allowed_full={"prod": frozenset({"x"})})
    other = replace(picky, deployments=frozenset({"staging"}))

    (refusal,) = route(location, PROD, [picky]).refusals
    (of_other,) = route(location, PROD, [other]).refusals

    assert refusal.takes_requests
    assert not of_other.takes_requests
