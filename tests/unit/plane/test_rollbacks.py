"""What a rollback brings back, and what it leaves alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dagstead.errors import ConflictError, ReleaseNotFoundError
from dagstead.plane.locations import Deploy
from dagstead.plane.release_machine.events import (
    Event,
    LoadFailure,
    LoadSuccess,
    LocationRemoval,
    ReleaseStart,
    RollbackStart,
)
from dagstead.plane.releases import Cause, NewRelease
from dagstead.plane.rollbacks import History, Rollback
from tests.support.release_world import World
from tests.support.releases import new_location


def begin(*deploys: str, removes: tuple[str, ...] = (), atomic: bool = True) -> ReleaseStart:
    """Deploys by their names: ``a2`` is the second of ``a``."""
    locations = [new_location(each[0], each) for each in deploys]
    return ReleaseStart(new=NewRelease(locations=locations, removes=removes, atomic=atomic))


def loaded(*deploys: str) -> list[Event]:
    return [
        LoadSuccess(name=each[0], deploy_id=each, manifest=f"manifest {each}") for each in deploys
    ]


def live(*deploys: str, removes: tuple[str, ...] = ()) -> list[Event]:
    return [begin(*deploys, removes=removes), *loaded(*deploys)]


def world(*events: Event) -> World:
    made = World()
    for event in events:
        made.now += 1
        made.happen(event)
    return made


def carry_out(made: World, plan: Rollback, *deploys: str) -> None:
    """A rollback whose locations get these deploys, which load at once."""
    new = NewRelease(
        locations=[new_location(each[0], each) for each in deploys],
        removes=plan.removes,
        cause=Cause.ROLLBACK,
        undoes=plan.undoes,
        back_to=plan.back_to,
    )
    start = RollbackStart(
        new=new, ends=frozenset(plan.ends), live=made.history().deploys_under(plan)
    )
    for event in (start, *loaded(*deploys)):
        made.now += 1
        assert made.happen(event).counted


def newest(made: World) -> Rollback:
    history = made.history()
    return history.undo(history.newest_first()[0])


def test_two_teams_do_not_undo_each_other() -> None:
    made = world(*live("a1"), *live("b1"), *live("a2"), *live("b2"))

    assert made.history().undo(3) == Rollback(undoes=3, returns={"a": 1})
    assert made.history().undo(4) == Rollback(undoes=4, returns={"b": 2})


def test_what_was_deployed_since_stays() -> None:
    made = world(*live("a1", "b1"), *live("a2", "b2"), *live("b3"))

    assert made.history().undo(2) == Rollback(undoes=2, returns={"a": 1}, stays=("b",))


def test_what_a_release_removed_comes_back_and_what_it_added_goes() -> None:
    made = world(*live("a1", "b1"), *live("a2", "c1", removes=("b",)))

    plan = made.history().undo(2)

    assert plan == Rollback(undoes=2, returns={"a": 1, "b": 1}, removes=("c",))
    assert plan.needs_confirmation
    assert not made.history().empties(plan)


def test_what_was_removed_by_hand_does_not_come_back() -> None:
    made = world(*live("a1", "b1"), *live("a2", "b2"), LocationRemoval(name="b"))

    assert made.history().undo(2) == Rollback(undoes=2, returns={"a": 1}, stays=("b",))


def test_a_location_that_was_removed_by_hand_before_returns_to_nothing() -> None:
    made = world(*live("a1", "b1"), LocationRemoval(name="b"), *live("b2"))

    assert made.history().undo(2) == Rollback(undoes=2, removes=("b",))


def test_what_no_release_brought_comes_back_as_it_was() -> None:
    failed = LoadFailure(name="a", deploy_id="a1", error="{}")
    made = world(*live("b1"), begin("a1"), failed, *loaded("a1"), *live("a2"))

    returns = made.history().undo(3).returns

    assert isinstance(returns["a"], Deploy)
    assert made.history().deploy_of("a", returns["a"]).deploy_id == "a1"


def test_an_open_release_is_ended_and_gives_back_what_it_brought_already() -> None:
    parts = begin("a2", "b2", atomic=False)
    made = world(*live("a1", "b1"), parts, *loaded("a2"), begin("c1"))

    assert made.history().undo(2) == Rollback(undoes=2, returns={"a": 1}, ends=(2,))


def test_an_open_release_of_the_same_location_is_ended_with_the_one_before() -> None:
    made = world(*live("a1", "b1"), *live("a2"), begin("a3", "b3"), begin("c1"))

    assert made.history().undo(2) == Rollback(undoes=2, returns={"a": 1}, ends=(3,))
    assert newest(made) == Rollback(undoes=4, ends=(4,))


def test_repeated_rollbacks_go_further_back() -> None:
    made = world(*live("a1", "b1"), *live("a2"), *live("a3"))
    carry_out(made, newest(made), "a4")
    assert made.history().undo(3) == Rollback(undoes=3, stays=("a",))

    plan = made.history().undo(2)

    assert plan == Rollback(undoes=2, returns={"a": 1})
    carry_out(made, plan, "a5")
    # By its number, a rollback is undone as every release.
    assert made.history().undo(5) == Rollback(undoes=5, returns={"a": 4})


def test_no_second_rollback_ends_the_first_by_accident() -> None:
    made = world(*live("a1", "b1"), *live("a2"))
    new = NewRelease(locations=[new_location("a", "a3")], cause=Cause.ROLLBACK, undoes=2)
    made.happen(RollbackStart(new=new, ends=frozenset(), live={"a": "a2"}))

    with pytest.raises(ConflictError, match="dagstead release rollback 3"):
        made.history().newest_first()

    assert made.history().undo(3) == Rollback(undoes=3, ends=(3,))


def test_the_whole_deployment_goes_back_with_everything_that_is_open() -> None:
    made = world(*live("a1", "b1"), *live("a2", "c1"), *live("b2"), begin("d1"))

    plan = made.history().back_to(1)

    assert plan == Rollback(back_to=1, returns={"a": 1, "b": 1}, removes=("c",), ends=(4,))
    assert plan.needs_confirmation
    assert made.history().back_to(None) == Rollback(back_to=3, ends=(4,))
    carry_out(made, plan, "a3", "b3")
    assert made.serving() == {"a": "a3", "b": "b3"}
    # The deploys are others, and the versions are those of then.
    assert made.history().back_to(1) == Rollback(back_to=1)


def test_the_release_before_is_the_one_that_ended_before() -> None:
    made = world(begin("a1"), begin("b1"), *loaded("b1"), *loaded("a1"))

    assert made.history().back_to(None) == Rollback(back_to=2, removes=("a",))
    assert newest(made).undoes == 1


def test_older_versions_have_not_recorded_what_a_release_replaced() -> None:
    events = (
        *live("a1", "b1"),
        *live("b2"),
        *live("a2", "c1", removes=("b",)),
        *live("d1"),
    )
    made = world(*events)
    older = [replace(each, before=None) for each in made.releases.values()]

    history = History(made.locations.values(), older)

    for number in made.releases:
        assert history.undo(number) == made.history().undo(number)


def test_nothing_comes_back_that_is_not_known() -> None:
    made = world(begin("a1"))
    with pytest.raises(ReleaseNotFoundError, match="no release 7"):
        made.history().undo(7)
    with pytest.raises(ConflictError, match="is not known yet"):
        made.history().back_to(1)
    with pytest.raises(ConflictError, match="no longer stored"):
        made.history().deploy_of("a", 7)
