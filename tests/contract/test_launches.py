"""A launch that is sent twice with one Idempotency-Key launches one run."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from dagster import RunsFilter
from dagster_graphql.schema.errors import GraphenePythonError
from dagster_graphql.schema.pipelines.pipeline import GrapheneRun
from dagster_graphql.schema.runs import GrapheneLaunchRunSuccess

from dagstead.control import bell
from dagstead.control.actor import SYSTEM
from dagstead.operator_api.launches import LAUNCH_TAG, once
from dagstead.operator_api.refusals import python_error
from tests.contract import definitions as code
from tests.contract.world import DEPLOYMENT, World

pytestmark = pytest.mark.contract


def launch(world: World, launcher: Any, key: str | None) -> Any:
    """What ``launchRun`` answers to one request."""
    return asyncio.run(launching(world, launcher, key))


async def launching(world: World, launcher: Any, key: str | None) -> Any:
    headers = {} if key is None else {"Idempotency-Key": key}
    context = SimpleNamespace(
        control=world.surface.instances.control,
        actor=SYSTEM,
        deployment=world.surface.store.deployments.get(DEPLOYMENT),
        instance=world.instance,
        source=SimpleNamespace(headers=headers),
    )
    parameters: dict[str, Any] = {"executionMetadata": {"tags": [{"key": "a", "value": "b"}]}}
    info = SimpleNamespace(context=context)
    return await once(launcher)(None, info, executionParams=parameters)


def launcher_of(world: World) -> Any:
    """Stands for open-source Dagster's, which would ask an agent: it makes a run with the tags."""

    async def launched(_root: object, _info: object, executionParams: Any) -> object:  # noqa: N803
        tags = {tag["key"]: tag["value"] for tag in executionParams["executionMetadata"]["tags"]}
        run = world.instance.create_run_for_job(code.succeeding, tags=tags)
        (record,) = world.instance.get_run_records(RunsFilter(run_ids=[run.run_id]))
        return GrapheneLaunchRunSuccess(run=GrapheneRun(record))

    return launched


async def refusing(_root: object, _info: object, **_parameters: Any) -> object:
    return python_error("no")


def test_the_second_answer_is_the_first_run(world: World) -> None:
    first, second = (launch(world, launcher_of(world), "one") for _ in range(2))
    assert first.run.runId == second.run.runId
    launched = world.instance.get_run_by_id(first.run.runId)
    assert launched is not None
    tags = launched.tags
    assert tags["a"] == "b"
    assert LAUNCH_TAG in tags


def test_other_keys_and_no_key_launch_anew(world: World) -> None:
    runs = [launch(world, launcher_of(world), key) for key in ("two", "three", None, None)]
    assert len({each.run.runId for each in runs}) == 4


def test_a_refused_launch_may_be_tried_again(world: World) -> None:
    assert isinstance(launch(world, refusing, "four"), GraphenePythonError)
    assert launch(world, launcher_of(world), "four").run.runId


def test_a_second_try_waits_for_the_end_of_the_first(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It wakes by the bell; it would look by itself when the test is over."""
    with world.surface.store.bell.listen("") as listener:
        # A line that is opened rings everything: not during the test.
        listener.wait(2)
    monkeypatch.setattr(bell, "LOOK_SECONDS", 3600.0)

    async def both() -> tuple[Any, Any]:
        may_end = asyncio.Event()
        launcher = launcher_of(world)

        async def slow(root: object, info: object, **parameters: Any) -> object:
            await may_end.wait()
            return await launcher(root, info, **parameters)

        first = asyncio.ensure_future(launching(world, slow, "five"))
        await asyncio.sleep(0)
        second = asyncio.ensure_future(launching(world, launcher, "five"))
        await asyncio.sleep(0)
        may_end.set()
        return await asyncio.wait_for(asyncio.gather(first, second), 60)

    first, second = asyncio.run(both())
    assert first.run.runId == second.run.runId
