"""What is wrong when agents and locations are put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from dagstead.model.agents import Agent, managed_pool
from dagstead.model.location import Kind
from dagstead.routing.findings import findings
from dagstead.routing.remarks import Remark, Weight
from dagstead.routing.routes import BRANCHES, Destination, RoutedLocation, routes
from tests.unit.routing.sets import AGENT_LISTS, LOCATIONS, TARGETS

PROD = Destination(deployment="prod")
WEATHER = RoutedLocation(name="weather", queue=None, kind=Kind.SERVERLESS)
DIGITS = RoutedLocation(name="digits", queue="hybrid-queue", kind=Kind.HYBRID)
EU = Agent(name="eu", queues=frozenset({"hybrid-queue"}))
THIEF = Agent(name="thief", queues=frozenset({"hybrid-queue", None}))
POOL = managed_pool()


def remarks_of(
    locations: Sequence[RoutedLocation], agents: Sequence[Agent], *targets: Destination
) -> dict[str, Remark]:
    routed = routes(locations, targets or (PROD,), agents)
    return {each.name: each for each in findings(routed, agents)}


def test_nothing_is_said_of_a_mixed_repository_that_is_right() -> None:
    assert remarks_of([WEATHER, DIGITS], [POOL, EU]) == {}


def test_locations_of_one_unserved_queue_are_reported_together() -> None:
    second = RoutedLocation(name="train", queue="hybrid-queue", kind=Kind.HYBRID)

    found = remarks_of([DIGITS, second], [POOL], PROD, BRANCHES)

    remark = found["unserved"]
    assert remark.weight is Weight.ERROR
    assert "nobody will run digits, train in prod and branch deployments" in remark.message
    assert remark.locations == ("digits", "train")


def test_branch_deployments_alone_are_a_warning_unless_they_are_asked_for() -> None:
    routed = routes([DIGITS], [PROD, BRANCHES], [EU])

    (warning,) = findings(routed, [EU])
    (error,) = findings(routed, [EU], branches_matter=True)

    assert (warning.weight, error.weight) == (Weight.WARNING, Weight.ERROR)
    assert "branch_deployments" in warning.advice


def test_agents_without_branch_deployments_are_reported_once_for_all_queues() -> None:
    gpu = Agent(name="gpu", queues=frozenset({"gpu"}))
    train = RoutedLocation(name="train", queue="gpu", kind=Kind.HYBRID)

    routed = routes([DIGITS, train], [PROD, BRANCHES], [EU, gpu])

    (remark,) = findings(routed, [EU, gpu])
    assert "nobody will run digits, train in branch deployments" in remark.message
    assert "eu, gpu serve full deployments only" in remark.message


def test_a_hybrid_agent_that_takes_serverless_work_is_reported() -> None:
    remark = remarks_of([WEATHER, DIGITS], [POOL, THIEF])["stolen-by-hybrid"]

    assert remark.weight is Weight.ERROR
    assert remark.locations == ("weather",)
    assert "thief and the managed pool both serve the default queue in prod" in remark.message
    assert "include_default_queue" in remark.advice


def test_an_image_on_the_default_queue_is_reported() -> None:
    image = RoutedLocation(name="digits", queue=None, kind=Kind.HYBRID)

    alone = remarks_of([image], [POOL])["image-on-pool"]
    shared = remarks_of([image], [POOL, THIEF])["image-on-pool"]

    assert "digits on the default queue is served by the managed pool" in alone.message
    assert "loses some requests to the managed pool" in shared.message


def test_a_pool_on_docker_runs_images() -> None:
    image = RoutedLocation(name="digits", queue=None, kind=Kind.HYBRID)

    assert "image-on-pool" not in remarks_of(
        [image], [replace(POOL, launcher="DockerPoolLauncher")]
    )
    assert "image-on-pool" in remarks_of([image], [replace(POOL, launcher="PexUserCodeLauncher")])


def test_a_pex_file_that_only_hybrid_agents_get_is_reported() -> None:
    assert "and only thief serves" in remarks_of([WEATHER], [THIEF])["serverless-on-hybrid"].message


def test_several_locations_are_spoken_of_as_several() -> None:
    images = [RoutedLocation(name=each, queue=None, kind=Kind.HYBRID) for each in ("a", "b")]

    remark = remarks_of(images, [POOL, THIEF])["image-on-pool"]

    assert remark.message.startswith("a, b on the default queue lose some requests")
    assert remark.advice == "Give them the agent_queue of an agent that runs images"


def test_queues_without_locations_are_reported_and_a_slip_of_the_pen_louder() -> None:
    gpu = Agent(name="gpu", queues=frozenset({"gpu"}))
    slip = Agent(name="slip", queues=frozenset({"hybrid-qeue"}))

    assert remarks_of([DIGITS], [EU, gpu])["unused-queue"].weight is Weight.NOTE
    remark = remarks_of([DIGITS], [EU, slip])["unused-queue"]
    assert (remark.weight, remark.advice) == (Weight.WARNING, "Did you mean 'hybrid-queue'?")


def test_an_allowed_list_that_refuses_beside_an_agent_that_does_not() -> None:
    picky = Agent(name="picky", queues=EU.queues, allowed_full={"prod": frozenset({"train"})})

    both = remarks_of([DIGITS], [EU, picky])
    alone = remarks_of([DIGITS], [picky])

    assert "requests that it gets fail" in both["refused-by-allowed-list"].message
    assert list(alone) == ["unserved"]
    assert "allowed_full_deployment_locations" in alone["unserved"].message


def test_the_default_queue_by_a_name_is_reported() -> None:
    named = Agent(name="named", queues=frozenset({"default"}))
    location = RoutedLocation(name="digits", queue="default", kind=Kind.HYBRID)

    assert "default-by-name" in remarks_of([location], [named])
    assert "has no name" in remarks_of([location], [EU])["unserved"].advice


@given(
    locations=st.lists(LOCATIONS, max_size=4, unique_by=lambda each: each.name),
    targets=st.lists(TARGETS, min_size=1, max_size=2, unique=True),
    agents=AGENT_LISTS,
)
def test_unserved_is_reported_exactly_of_the_locations_that_nobody_runs(
    locations: list[RoutedLocation], targets: list[Destination], agents: list[Agent]
) -> None:
    routed = routes(locations, targets, agents)

    found = findings(routed, agents)

    named = {name for each in found if each.name == "unserved" for name in each.locations}
    assert named == {each.location.name for each in routed if not each.is_served}
    assert all(each.sentences.endswith((".", "?")) for each in found)


def test_no_agent_is_suggested_for_a_queue_that_no_location_should_name() -> None:
    misnamed = RoutedLocation(name="mist", queue="default", kind=Kind.HYBRID)

    (alone,) = findings(routes([misnamed], [PROD], [], are_all_known=False), [])
    (beside,) = findings(routes([misnamed, DIGITS], [PROD], [], are_all_known=False), [])

    assert "remove agent_queue 'default'" in alone.advice
    assert [each.command for each in alone.steps] == ["dagstead routes --live"]
    assert [each.command for each in beside.steps][1:] == [
        "dagstead agent config --type docker --queue hybrid-queue --output agent/"
    ]
