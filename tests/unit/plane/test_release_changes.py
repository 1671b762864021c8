from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dagstead.plane.release_changes import ChangeKind, changes_of, compared_with, with_before
from dagstead.plane.releases import Release
from dagstead.store.all import Store
from dagstead.testing.clock import ManualClock
from tests.support.console_scene import ConsoleScene
from tests.support.stores import empty_store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = empty_store(tmp_path, ManualClock())
    ConsoleScene(made).fill()
    return made


def changes(store: Store, number: int) -> dict[str, tuple[ChangeKind, list[str]]]:
    release = with_before(store.releases.get("prod", number), store.locations.all("prod"))
    documents = store.releases.documents("prod", compared_with(release), release.touched)
    return {
        each.name: (each.kind, [one.field for one in each.fields])
        for each in changes_of(release, documents)
    }


def test_first_releases_bring_what_is_new(store: Store) -> None:
    assert {kind for kind, _ in changes(store, 1).values()} == {ChangeKind.NEW}


def test_a_release_is_compared_with_what_each_location_served_before(store: Store) -> None:
    found = changes(store, 3)
    assert found["digits"] == (ChangeKind.CHANGED, ["commit", "PEX files"])
    assert found["warehouse"] == (ChangeKind.CHANGED, ["commit"])


def test_a_release_that_failed_is_compared_with_what_serves(store: Store) -> None:
    found = changes(store, 5)
    assert found["warehouse"] == (ChangeKind.CHANGED, ["commit"])
    assert changes(store, 6)["invoices"] == (ChangeKind.NEW, [])


def test_what_is_not_recorded_any_more_is_not_guessed(store: Store) -> None:
    old = replace(store.releases.get("prod", 3), before=None)
    assert {each.kind for each in changes_of(old, {})} == {ChangeKind.UNKNOWN}
    gone = store.releases.get("prod", 3)
    assert {each.kind for each in changes_of(gone, {})} == {ChangeKind.UNKNOWN}


def test_the_same_and_what_is_removed_are_said(store: Store) -> None:
    found: Release = store.releases.get("prod", 3)
    same = replace(found, before={part.name: part.deploy for part in found.parts})
    assert {each.kind for each in changes_of(same, {})} == {ChangeKind.SAME}
    removing = replace(same, removes=("old",))
    assert changes_of(removing, {})[-1].kind is ChangeKind.REMOVED
