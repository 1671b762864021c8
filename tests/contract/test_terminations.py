"""A run is terminated in every state, and the answer is true."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from dagster import DagsterRun, DagsterRunStatus
from dagster_graphql.schema.pipelines.pipeline import GrapheneRun
from dagster_graphql.schema.roots.mutation import (
    GrapheneTerminateRunFailure,
    GrapheneTerminateRunPolicy,
    GrapheneTerminateRunsResult,
    GrapheneTerminateRunSuccess,
)

from dagstead.control.actor import SYSTEM
from dagstead.operator_api.terminations import in_every_state
from dagstead.plane.launch_machine.events import LaunchOffer, StopWish
from dagstead.plane.launches import RunEnd
from tests.contract import definitions as code
from tests.contract.world import DEPLOYMENT, World

pytestmark = pytest.mark.contract


def starting(world: World) -> DagsterRun:
    run = world.instance.create_run_for_job(code.succeeding, status=DagsterRunStatus.STARTING)
    store = world.surface.store.launches
    store.step(DEPLOYMENT, run.run_id, LaunchOffer(request_id=run.run_id))
    return run


def begun(world: World) -> DagsterRun:
    run = starting(world)
    world.surface.store.launches.begin(DEPLOYMENT, run.run_id, "gone-agent", by=None)
    return run


def refusing(world: World) -> Any:
    """Stands for open-source Dagster's, which refuses all that are not queued or started."""

    def one(run_id: str) -> object:
        record = world.instance.get_run_record_by_id(run_id)
        assert record is not None
        return GrapheneTerminateRunFailure(run=GrapheneRun(record), message="refused")

    async def terminated(_root: object, _info: object, **arguments: Any) -> object:
        if "runIds" in arguments:
            answers = [one(run_id) for run_id in arguments["runIds"]]
            return GrapheneTerminateRunsResult(terminateRunResults=answers)
        return one(arguments["runId"])

    return terminated


def terminate(world: World, *, allowed: bool = True, **arguments: Any) -> Any:
    context = SimpleNamespace(
        control=world.surface.instances.control,
        actor=SYSTEM,
        deployment=world.surface.store.deployments.get(DEPLOYMENT),
        instance=world.instance,
        has_permission=lambda _permission: allowed,
    )
    info: Any = SimpleNamespace(context=context)
    return asyncio.run(_awaited(in_every_state(refusing(world))(None, info, **arguments)))


async def _awaited(answer: Any) -> Any:
    return await answer


def status(world: World, run: DagsterRun) -> DagsterRunStatus:
    found = world.instance.get_run_by_id(run.run_id)
    assert found is not None
    return found.status


def test_a_starting_run_that_no_agent_began_is_canceled(world: World) -> None:
    run = starting(world)

    answer = terminate(world, runId=run.run_id)

    assert isinstance(answer, GrapheneTerminateRunSuccess)
    assert status(world, run) is DagsterRunStatus.CANCELED


def test_each_of_several_has_its_own_answer(world: World) -> None:
    first, ended = starting(world), starting(world)
    world.instance.report_run_failed(ended, "before")

    answers = terminate(world, runIds=[first.run_id, ended.run_id]).terminateRunResults

    assert [type(each) for each in answers] == [
        GrapheneTerminateRunSuccess,
        GrapheneTerminateRunFailure,
    ]


def test_who_may_not_terminate_it_changes_nothing(world: World) -> None:
    run = starting(world)

    answer = terminate(world, allowed=False, runId=run.run_id)

    assert isinstance(answer, GrapheneTerminateRunFailure)
    assert status(world, run) is DagsterRunStatus.STARTING


def test_where_no_live_agent_can_do_it_the_answer_says_so(world: World) -> None:
    run = begun(world)
    wish = StopWish(end=RunEnd.CANCELED, by="somebody", reason="It was terminated.")
    world.surface.store.launches.step(DEPLOYMENT, run.run_id, wish)
    world.instance.report_run_canceling(run)

    answer = terminate(world, runId=run.run_id)

    assert "No live agent can carry this out" in answer.message


def test_what_is_marked_at_once_is_answered_by_dagster(world: World) -> None:
    run = starting(world)
    policy = GrapheneTerminateRunPolicy.MARK_AS_CANCELED_IMMEDIATELY

    answer = terminate(world, runId=run.run_id, terminatePolicy=policy)

    assert isinstance(answer, GrapheneTerminateRunFailure)
    assert status(world, run) is DagsterRunStatus.CANCELED
