"""What a worker sends to see whether its run is to end."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from dagster import DagsterInstance, DagsterRunStatus
from dagster_cloud.storage.runs.storage import GraphQLRunStorage

from dagstead.plane.launch_machine.events import LaunchOffer
from tests.contract import definitions as code
from tests.contract.surface import Surface
from tests.contract.world import DEPLOYMENT, World

pytestmark = pytest.mark.contract


def test_an_instance_that_asks_for_a_run_is_noted(world: World, surface: Surface) -> None:
    run = world.instance.create_run_for_job(code.succeeding, status=DagsterRunStatus.STARTING)
    launches = surface.store.launches
    launches.step(DEPLOYMENT, run.run_id, LaunchOffer(request_id=run.run_id))
    launches.begin(DEPLOYMENT, run.run_id, "agent", by=None)
    client = cast("Any", surface.client(DEPLOYMENT))
    official = SimpleNamespace(_run_storage=GraphQLRunStorage(override_graphql_client=client))

    # DagsterInstance.get_run_by_id, of which a worker calls the whole, asks so.
    record = DagsterInstance.get_run_record_by_id(cast("Any", official), run.run_id)

    assert record is not None
    launch = launches.newest(DEPLOYMENT, run.run_id)
    assert launch is not None
    assert launch.asked_at is not None
