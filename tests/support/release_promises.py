"""What holds of a deployment's releases and locations at any time."""

from __future__ import annotations

from collections.abc import Sequence

from dagstead.plane.locations import LoadState
from dagstead.plane.releases import Part, PartState
from tests.support.release_world import World


def what_serves_is_what_went_live(world: World) -> None:
    for row in world.locations.values():
        serving = None if row.live is None else row.live.deploy_id
        assert row.manifest_deploy_id == serving
        assert row.manifest == (None if serving is None else f"manifest {serving}")


def agents_run_what_is_live_or_what_loads(world: World) -> None:
    for row in world.locations.values():
        if row.open_release is None and row.manifest is not None:
            assert row.deploy_id == row.manifest_deploy_id


def a_location_is_in_one_open_release_at_most(world: World) -> None:
    opened: dict[str, int] = {}
    for release in world.open():
        assert PartState.LOADING in {each.state for each in release.parts}
        for part in _open(release.parts):
            assert part.name not in opened
            opened[part.name] = release.number
    rows = {each.name: each.open_release for each in world.locations.values()}
    assert opened == {name: number for name, number in rows.items() if number is not None}


def an_atomic_release_is_live_as_a_whole_or_not_at_all(world: World) -> None:
    for release in world.releases.values():
        states = {each.state for each in release.parts} - {PartState.SUPERSEDED}
        if release.atomic and PartState.LIVE in states:
            assert states == {PartState.LIVE}


def what_is_not_open_has_ended(world: World) -> None:
    for release in world.releases.values():
        assert release.state.is_open is (release.ended_at is None)
        assert release.state.is_open is (release.live is None)
        assert release.state.is_open or not _open(release.parts)


def definitions_are_kept_only_while_they_wait(world: World) -> None:
    for release in world.releases.values():
        for part in release.parts:
            assert (part.manifest is not None) is (part.state is PartState.LOADED)


def only_what_is_in_error_is_healed(world: World) -> None:
    for row in world.locations.values():
        if row.open_release is not None:
            assert (row.healing, row.refused) == (None, None)
        if row.healing is None:
            assert row.refused is None
        elif row.state is LoadState.LOADED:
            assert row.refused is not None


PROMISES = (
    only_what_is_in_error_is_healed,
    what_serves_is_what_went_live,
    agents_run_what_is_live_or_what_loads,
    a_location_is_in_one_open_release_at_most,
    an_atomic_release_is_live_as_a_whole_or_not_at_all,
    what_is_not_open_has_ended,
    definitions_are_kept_only_while_they_wait,
)


def _open(parts: Sequence[Part]) -> list[Part]:
    return [each for each in parts if each.is_open]
