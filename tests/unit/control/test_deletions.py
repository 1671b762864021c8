"""A deleted deployment leaves nothing: no runs, no rows, no files, whatever happens meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from dagstead.control.actor import COMMAND_LINE, SYSTEM
from dagstead.control.deployments import Deletion
from dagstead.errors import DeploymentNotFoundError, LastDeploymentError
from dagstead.plane.blobs import BlobKey, BlobKind
from dagstead.plane.releases import NewRelease
from dagstead.store.tables import metadata
from dagstead.testing.clock import ManualClock
from tests.support.orchestration import NoDagster, control_without_dagster
from tests.support.releases import new_location
from tests.unit.control.acts import World, world

FILES = [BlobKey(kind, "prod", "a/b/file") for kind in BlobKind if kind is not BlobKind.PEX]

#: They grant by name, and belong to nobody.
GRANTING = {"tokens", "trust_policies"}


@pytest.fixture
def made(tmp_path: Path) -> Iterator[World]:
    """A deployment with locations, releases, requests, heartbeats and files."""
    made = world(tmp_path)
    for each in FILES:
        made.store.blobs.put(each, b"kept")
    made.store.writes.begin("prod", "a key")
    yield made
    made.store.close()


def delete(made: World, dagster: NoDagster) -> Deletion:
    control = control_without_dagster(made.store, dagster)
    return control.deployments.delete(COMMAND_LINE, made.store.deployments.get("prod"))


def pass_time(made: World) -> None:
    assert isinstance(made.store.clock, ManualClock)
    made.store.clock.advance(120)


def rows_of_prod(made: World) -> dict[str, int]:
    found = {}
    with made.store.database.read() as connection:
        for table in metadata.sorted_tables:
            column = table.c.get("name" if table.name == "deployments" else "deployment")
            if column is not None and table.name not in GRANTING:
                mine = select(table).where(column == "prod")
                found[table.name] = len(connection.execute(mine).all())
    return found


def test_nothing_of_it_is_left(made: World, tmp_path: Path) -> None:
    before = {table for table, count in rows_of_prod(made).items() if count}
    assert before >= {"locations", "release_parts", "requests", "heartbeats", "writes"}
    dagster = NoDagster()

    assert delete(made, dagster) == Deletion(ended=(), left=())

    assert dagster.dropped == ["prod"]
    assert not any(rows_of_prod(made).values()), rows_of_prod(made)
    assert list(tmp_path.rglob("prod*")) == []


def test_its_runs_are_ended_first(made: World) -> None:
    dagster = NoDagster(unfinished_runs={"prod": ["one", "two"]})

    assert delete(made, dagster) == Deletion(ended=("one", "two"), left=())


def test_a_run_that_no_live_agent_can_end_does_not_hold_it_up(made: World) -> None:
    dagster = NoDagster(unfinished_runs={"prod": ["one", "two"]}, out_of_reach={"one"})

    assert delete(made, dagster) == Deletion(ended=("two",), left=("one",))

    # Its worker may still upload something.
    made.store.blobs.put(FILES[0], b"late")
    control = control_without_dagster(made.store, dagster)
    assert control.deployments.sweep(SYSTEM) == []
    pass_time(made)
    assert control.deployments.sweep(SYSTEM) == ["prod"]
    assert made.store.blobs.size(FILES[0]) is None
    assert control.deployments.sweep(SYSTEM) == []
    assert not any(rows_of_prod(made).values())


def test_no_run_is_ended_for_a_deletion_that_is_refused(made: World) -> None:
    made.store.deployments.delete("staging")
    dagster = NoDagster(unfinished_runs={"prod": ["one"]})

    with pytest.raises(LastDeploymentError):
        delete(made, dagster)

    assert dagster.unfinished_runs == {"prod": ["one"]}


@pytest.mark.parametrize("anew", [False, True])
def test_a_server_that_was_killed_in_between_removes_the_rest_later(
    made: World, *, anew: bool
) -> None:
    # As far as it came.
    made.store.deployments.delete("prod")
    dagster = NoDagster()
    control = control_without_dagster(made.store, dagster)
    if anew:
        control.deployments.create(COMMAND_LINE, "prod")
    else:
        pass_time(made)
        control.deployments.sweep(SYSTEM)

    assert dagster.dropped == ["prod"]
    assert [made.store.blobs.size(each) for each in FILES] == [None] * len(FILES)
    pass_time(made)
    assert control.deployments.sweep(SYSTEM) == []


def test_what_comes_too_late_is_refused(made: World) -> None:
    delete(made, NoDagster())
    releases = made.store.releases
    late: list[Callable[[], object]] = [
        lambda: releases.begin("prod", NewRelease(locations=[new_location("a")])),
        lambda: releases.set_loaded("prod", "weather", deploy_id="1", manifest="{}"),
    ]

    for act in late:
        with pytest.raises(DeploymentNotFoundError, match="was deleted"):
            act()
