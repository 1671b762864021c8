"""How much Dagster has stored, on both databases."""

from __future__ import annotations

import pytest

from tests.support.backups import Scene, open_plane

pytestmark = pytest.mark.storage


def test_what_dagster_stores_is_measured_by_deployment(scene: Scene) -> None:
    with open_plane(scene.loaded) as plane:
        plane.store.deployments.create("staging")
        plane.instance("prod").event_log_storage.add_dynamic_partitions("numbers", ["one"])

        sizes = plane.store.histories.sizes()

    assert sizes.keys() == {"prod"}
    assert sizes["prod"] > 10_000
