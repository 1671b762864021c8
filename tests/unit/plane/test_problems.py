"""What is wrong now, from everything that is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dagstead.control.actor import COMMAND_LINE, Actor
from dagstead.control.all import Control
from dagstead.plane.problems import Problem, ProblemKind, Weight
from dagstead.plane.queues import QueueChange
from dagstead.plane.tokens import Grant, TokenKind
from dagstead.store.all import Store
from dagstead.testing.clock import ManualClock
from tests.support.console_scene import ConsoleScene
from tests.support.orchestration import control_without_dagster
from tests.support.stores import empty_store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = empty_store(tmp_path, ManualClock())
    ConsoleScene(made).fill()
    return made


@pytest.fixture
def control(store: Store) -> Control:
    return control_without_dagster(store)


def problems(control: Control, kind: ProblemKind) -> list[Problem]:
    return [each for each in control.overview.problems(COMMAND_LINE) if each.kind is kind]


def test_a_queue_without_agents_is_one_line_for_all_its_locations(control: Control) -> None:
    (found,) = problems(control, ProblemKind.QUEUE)
    assert (found.object, found.deployment, found.locations) == ("gpu", "prod", 2)
    assert found.weight is Weight.WRONG
    assert found.since


def test_an_agent_that_is_down_blocks_what_it_served(control: Control) -> None:
    (found,) = problems(control, ProblemKind.AGENT)
    assert (found.object, found.locations, found.weight) == ("gpu-01", 2, Weight.WRONG)


def test_a_failed_release_is_said_once_for_its_locations(control: Control) -> None:
    (found,) = problems(control, ProblemKind.RELEASE)
    assert (found.object, found.locations, found.weight) == ("5", 2, Weight.ATTENTION)
    (location,) = problems(control, ProblemKind.LOCATION)
    assert (location.object, location.weight) == ("invoices", Weight.WRONG)


def test_a_release_that_was_mended_is_no_problem_any_more(store: Store, control: Control) -> None:
    ConsoleScene(store).release("prod", ("weather", "warehouse"), commit="0123456789ab")
    assert problems(control, ProblemKind.RELEASE) == []


def test_a_paused_queue_is_to_be_looked_at(control: Control) -> None:
    control.queues.pause(COMMAND_LINE, "eu", "Driver update", None)
    found = next(each for each in problems(control, ProblemKind.QUEUE) if each.object == "eu")
    assert found.weight is Weight.ATTENTION
    assert "Driver update" in found.says


def test_refused_callers_are_one_line(control: Control) -> None:
    assert problems(control, ProblemKind.CALLERS) == []
    for secret in ("agent:dagstead:nobody-knows-this-1", "agent:dagstead:nobody-knows-this-2"):
        with pytest.raises(Exception, match="unknown here"):
            control.token_reader.of_secret(secret, "10.0.0.7")
    control.callers.refused(COMMAND_LINE)
    (found,) = problems(control, ProblemKind.CALLERS)
    assert "2 callers" in found.title or "A caller" in found.title
    assert "10.0.0.7" in found.says


def test_what_stands_still_comes_first(control: Control) -> None:
    control.queues.set(COMMAND_LINE, "eu", QueueChange(limit=1))
    control.queues.pause(COMMAND_LINE, "eu", None, None)
    weights = [each.weight for each in control.overview.problems(COMMAND_LINE)]
    assert weights == sorted(weights, key=lambda weight: weight is not Weight.WRONG)


def test_who_deploys_one_location_hears_of_that_alone(store: Store, control: Control) -> None:
    token = store.tokens.create("ci", TokenKind.USER, "ci", Grant(locations=["training"]))
    found = control.overview.problems(Actor.holding(token))
    assert {(each.kind, each.locations) for each in found} == {(ProblemKind.QUEUE, 1)}
    assert replace(found[0], says="").title == "Nobody serves queue 'gpu'"
