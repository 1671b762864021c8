"""What official clients take for granted of Dagster+, and open-source storage does not do."""

from __future__ import annotations

from typing import Final

import pytest
from dagster import AssetKey, DagsterEventType, EventLogRecord, PartitionsDefinition
from dagster._core.event_api import RunStatusChangeRecordsFilter
from dagster._core.loader import LoadingContextForTest
from dagster_cloud.storage.event_logs.storage import GraphQLEventLogStorage

from tests.contract import definitions as code
from tests.contract.surface import Surface
from tests.contract.world import DEPLOYMENT, World

pytestmark = pytest.mark.contract

_START: Final = DagsterEventType.RUN_START


@pytest.fixture
def official(world: World, surface: Surface) -> GraphQLEventLogStorage:
    storage = GraphQLEventLogStorage(override_graphql_client=surface.client(DEPLOYMENT))
    storage.register_instance(world.instance)
    return storage


@pytest.mark.parametrize("limit", [1, 2, 100])
@pytest.mark.parametrize("ascending", [True, False])
def test_changes_of_status_are_found_by_jobs(
    world: World, official: GraphQLEventLogStorage, limit: int, *, ascending: bool
) -> None:
    """A run status sensor that watches some jobs sees each of their runs once, and no other."""
    changes = world.instance.event_log_storage.fetch_run_status_changes(
        _START, limit=100, ascending=ascending
    )
    jobs = ["succeeding", "failing"]
    expected = [each for each in changes.records if each.event_log_entry.job_name in jobs]
    assert 0 < len(expected) < len(changes.records)

    found: list[EventLogRecord] = []
    cursor, has_more = None, True
    while has_more:
        page = official.fetch_run_status_changes(
            RunStatusChangeRecordsFilter(_START, job_names=jobs), limit, cursor, ascending
        )
        assert len(page.records) <= limit
        found += page.records
        cursor, has_more = page.cursor, page.has_more
    assert found == expected


def test_partitions_of_loaded_assets_have_their_state(
    world: World, official: GraphQLEventLogStorage
) -> None:
    """What an automation condition in user code is told of an asset's partitions is true."""
    asked: list[tuple[AssetKey, PartitionsDefinition[str] | None]] = [
        (AssetKey("lettered"), code.LETTERS),
        (AssetKey("coloured"), code.COLOURS),
        (AssetKey("gridded"), code.GRID),
        (AssetKey(["deep", "plain"]), None),
        (AssetKey("never"), None),
    ]
    context = LoadingContextForTest(world.instance)
    direct = world.instance.event_log_storage.get_asset_status_cache_values(asked, context)
    values = official.get_asset_status_cache_values(asked, context)
    assert values == direct

    lettered = values[0]
    assert lettered is not None
    made = lettered.deserialize_materialized_partition_subsets(code.LETTERS)
    failed = lettered.deserialize_failed_partition_subsets(code.LETTERS)
    assert set(made.get_partition_keys()) == {"a", "c"}
    assert set(failed.get_partition_keys()) == {code.BROKEN}


def test_a_pool_takes_the_default_twice(world: World, official: GraphQLEventLogStorage) -> None:
    """Two runs that come to a new pool at once both go on."""
    assert official.initialize_concurrency_limit_to_default("shared")
    assert official.initialize_concurrency_limit_to_default("shared")
    limits = {pool.name: pool.limit for pool in world.instance.event_log_storage.get_pool_limits()}
    assert limits["shared"] == 3


def test_a_pool_follows_the_default_only_when_nobody_is_in_it(
    world: World, official: GraphQLEventLogStorage
) -> None:
    """A changed default never comes on top of slots that are held."""
    storage = world.instance.event_log_storage
    storage.set_concurrency_slots("changed", 1)
    storage.claim_concurrency_slot("changed", world.run_ids[0], "step")
    official.initialize_concurrency_limit_to_default("changed")
    held = storage.get_concurrency_info("changed")
    assert held.slot_count <= 3

    storage.free_concurrency_slots_for_run(world.run_ids[0])
    official.initialize_concurrency_limit_to_default("changed")
    assert storage.get_concurrency_info("changed").slot_count == 3
