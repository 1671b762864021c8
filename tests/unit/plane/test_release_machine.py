"""The release machine, without a database."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import settings

from dagstead.plane.locations import Deploy, LoadState
from dagstead.plane.release_machine.documentation import BEGIN, END, with_release_tables
from dagstead.plane.release_machine.events import (
    Event,
    LoadFailure,
    LoadSuccess,
    LocationReload,
    LocationRemoval,
    ReleaseEnd,
    ReleaseStart,
    RollbackStart,
)
from dagstead.plane.release_machine.transitions import (
    ARRIVALS,
    ENDINGS,
    PART_TRANSITIONS,
    PartEvent,
    PartTransition,
    part_transition,
)
from dagstead.plane.releases import NewRelease, PartState
from tests.support.environments import REPOSITORY
from tests.support.release_rules import NAMES, QUEUES, ReleaseRules
from tests.support.release_world import World
from tests.support.releases import new_location

TestReleases = ReleaseRules.TestCase
TestReleases.settings = settings(max_examples=60, stateful_step_count=15)

#: Each takes less than a millisecond, where an example of Hypothesis takes many.
WALKS = 2000


#: Walks of rollbacks need releases that went live; those of deploys need fewer rollbacks.
DEPLOYS = ("begin", "begin", "load", "load", "load", "back", "fail", "end", "remove", "reload")
ROLLBACKS = ("begin", "begin", "all", "all", "all", "back", "back", "load", "fail", "remove")


def walk(seed: int) -> None:
    random = Random(seed)  # a failure comes again with its seed
    releases = ReleaseRules()
    acts: dict[str, Callable[[str], None]] = {
        "begin": lambda _: releases.begin(
            {each: random.choice(QUEUES) for each in NAMES if random.random() < 0.5},
            frozenset(each for each in NAMES if random.random() < 0.2),
            atomic=random.random() < 0.5,
        ),
        "load": lambda name: releases.load(name, random.choice([0, 0, 0, 1])),
        "all": lambda _: releases.load_all(),
        "back": lambda _: releases.roll_back(
            random.choice([None, None, *range(1, 6)]),
            whole=random.random() < 0.3,
            late=random.random() < 0.2,
        ),
        "fail": lambda name: releases.fail(name, named=random.random() < 0.5),
        "end": lambda _: releases.end(),
        "remove": releases.remove,
        "reload": lambda name: releases.reload(frozenset({name})),
    }
    for _ in range(15):
        acts[random.choice(ROLLBACKS if seed % 2 else DEPLOYS)](random.choice(NAMES))


def test_thousands_of_ways_through_the_machine_keep_its_promises() -> None:
    for seed in range(WALKS):
        try:
            walk(seed)
        except Exception as error:
            error.add_note(f"This is walk({seed}).")
            raise


def begin(
    *names: str, removes: tuple[str, ...] = (), atomic: bool = True, deploy: int = 1
) -> ReleaseStart:
    locations = [new_location(name, f"{name}{deploy}") for name in names]
    return ReleaseStart(new=NewRelease(locations=locations, removes=removes, atomic=atomic))


def rollback(start: ReleaseStart, *, ends: set[int], **live: str | None) -> RollbackStart:
    return RollbackStart(new=start.new, ends=frozenset(ends), live=live)


def loaded(deploy_id: str) -> LoadSuccess:
    return LoadSuccess(name=deploy_id[0], deploy_id=deploy_id, manifest=f"manifest {deploy_id}")


def failed(deploy_id: str) -> LoadFailure:
    return LoadFailure(name=deploy_id[0], deploy_id=deploy_id, error="{}")


def world(*events: Event) -> World:
    made = World()
    for event in events:
        made.happen(event)
    return made


def part_states(of: World) -> dict[str, PartState]:
    """Of the first release, if it has begun."""
    return {each.name: each.state for each in of.releases[1].parts} if of.releases else {}


#: For every transition, events in whose course ``a``, of the first release, makes it.
EXAMPLES: dict[str, tuple[Event, ...]] = {
    "load": (begin("a", "b"), loaded("a1")),
    "go live": (begin("a", "b"), loaded("a1"), loaded("b1")),
    "fail": (begin("a"), failed("a1")),
    "go back": (begin("a", "b"), failed("b1")),
    "give way": (begin("a"), begin("a", deploy=2)),
    "withdraw": (begin("a"), begin("b", removes=("a",))),
    "move on": (begin("a", "b"), begin("b", deploy=2)),
    "be undone": (begin("a", "b"), rollback(begin("b", deploy=2), ends={1})),
    "drop out": (begin("a"), LocationRemoval(name="a")),
}


@pytest.mark.parametrize("transition", PART_TRANSITIONS, ids=lambda each: each.name)
def test_a_part_of_a_release_takes_every_transition_of_the_table(
    transition: PartTransition,
) -> None:
    *before, last = EXAMPLES[transition.name]
    made = world(*before)
    assert part_states(made).get("a", PartState.LOADING) in transition.sources

    made.happen(last)

    assert part_states(made)["a"] is transition.target


@pytest.mark.parametrize("state", sorted(set(PartState) - {PartState.LOADING, PartState.LOADED}))
def test_what_has_ended_changes_no_more(state: PartState) -> None:
    assert [event for event in PartEvent if part_transition(state, event)] == []


@pytest.mark.parametrize("event", list(PartEvent), ids=lambda each: each.name)
def test_every_event_does_something_to_what_has_loaded(event: PartEvent) -> None:
    assert part_transition(PartState.LOADED, event)


def test_a_release_ends_in_every_way_of_the_table() -> None:
    ended = {
        "give way": world(begin("a"), begin("a", deploy=2)),
        "be undone": world(begin("a"), rollback(begin("b"), ends={1})),
        "succeed": world(begin("a"), loaded("a1")),
        "succeed in part": world(begin("a", "b", atomic=False), loaded("a1"), failed("b1")),
        "fail": world(begin("a", "b"), loaded("a1"), ReleaseEnd(number=1, reason="By hand.")),
    }
    assert {each.name: each.state for each in ENDINGS} == {
        name: made.releases[1].state for name, made in ended.items()
    }


@pytest.mark.parametrize(
    ("name", "events", "serves", "cleared"),
    [
        ("refresh", (begin("a"), loaded("a1"), LocationReload(names=frozenset("a"))), True, True),
        ("return", (begin("a"), loaded("a1"), begin("a", deploy=2), failed("a2")), True, False),
        ("recover", (begin("a"), failed("a1")), True, True),
        (
            "go live alone",
            (begin("a", "b"), failed("b1"), LocationReload(names=frozenset("a"))),
            True,
            True,
        ),
        ("stay back", (begin("a", "b"), failed("b1")), False, False),
    ],
)
def test_definitions_that_no_release_waits_for(
    name: str, events: tuple[Event, ...], *, serves: bool, cleared: bool
) -> None:
    made = world(*events, loaded("a1"))

    assert name in {each.name for each in ARRIVALS}
    location = made.locations["a"]
    assert location.state is LoadState.LOADED
    assert (location.manifest == "manifest a1") is serves
    assert (location.notice is None) is cleared


@pytest.mark.parametrize("late", [False, True])
def test_a_release_does_not_remove_what_was_deployed_since_another_was_to_remove_it(
    *, late: bool
) -> None:
    made = world(begin("a", "b"), loaded("a1"), loaded("b1"))
    made.happen(begin("a", removes=("b",), deploy=2))
    made.happen(begin("b", deploy=3))
    steps: list[Event] = [loaded("b3"), begin("a", deploy=4)]
    for event in reversed(steps) if late else steps:
        made.happen(event)

    made.happen(loaded("a4"))

    assert made.serving() == {"a": "a4", "b": "b3"}


def test_a_release_removes_what_the_one_that_it_replaces_was_to_remove() -> None:
    made = world(begin("a", "b"), loaded("a1"), loaded("b1"))
    for event in (begin("a", removes=("b",), deploy=2), begin("a", deploy=3), loaded("a3")):
        made.happen(event)

    assert made.serving() == {"a": "a3"}


def test_the_page_has_the_tables_of_the_code() -> None:
    page = (REPOSITORY / "docs/architecture.md").read_text(encoding="utf-8")

    assert with_release_tables(page) == page, "Run `make reference`."
    assert all(f"| {each.name} |" in page for each in PART_TRANSITIONS)


@pytest.mark.parametrize("page", ["", BEGIN, END + BEGIN])
def test_a_page_without_the_marks_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match="needs the lines"):
        with_release_tables(page)


def test_what_is_live_without_a_release_is_recorded_whole() -> None:
    made = world(begin("a"), failed("a1"), loaded("a1"), begin("b"), loaded("b1"))

    live = made.releases[2].live
    assert live is not None
    assert live["b"] == 2
    assert isinstance(live["a"], Deploy)
    assert live["a"].deploy_id == "a1"


@pytest.mark.parametrize(
    "late",
    [
        rollback(begin("b", deploy=9), ends=set(), b="b1"),  # does not end what loads b
        rollback(begin("a", deploy=9), ends={7}, a="a1"),  # ends what is not open
        rollback(begin("a", deploy=9), ends=set(), a="a0"),  # another deploy is live
        rollback(begin("c", deploy=9), ends=set(), c="c1"),  # nothing is
        rollback(begin("a", deploy=9), ends=set(), a=None),  # something is
    ],
)
def test_a_rollback_that_was_planned_on_something_else_changes_nothing(late: RollbackStart) -> None:
    made = world(begin("a", "b"), loaded("a1"), loaded("b1"), begin("b", deploy=2))
    before = dict(made.releases), dict(made.locations)

    assert not made.happen(late).counted

    assert (made.releases, made.locations) == before
