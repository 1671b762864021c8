"""What runs of PEX locations are given, print and store, and which code they run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, suppress
from functools import partial

import psutil
import pytest

from dagstead.testing.waiting import eventually
from tests.support.deployment import DeploymentClient
from tests.support.pool_plane import PROD, Plane, plane_command

LOCATION = "runs"
PROJECT = """
import os, sys
import dagster as dg

class Greeting(dg.Config):
    name: str

@dg.op
def say(context, config: Greeting):
    print(f"hello {config.name}")
    print("a warning", file=sys.stderr)
    context.log.info(f"tagged {context.run.tags['team']}")

@dg.job(executor_def=dg.in_process_executor)
def greet():
    say()

@dg.op
def one():
    return [1]

@dg.op
def add(context, before):
    context.log.info(f"handed on {[*before, 2]}")

@dg.job
def steps():
    add(one())

@dg.asset
def number():
    return 42

@dg.asset
def text(context, number):
    context.log.info(f"stored before: {number}")

@dg.sensor(job=greet, minimum_interval_seconds=1)
def looks(context):
    return dg.SkipReason(f"{context.instance.get_runs_count()} runs so far")

defs = dg.Definitions(
    assets=[number, text],
    sensors=[looks],
    jobs=[greet, steps, *(dg.define_asset_job(name, [asset], executor_def=dg.in_process_executor)
          for name, asset in (("make", number), ("use", text)))],
)
"""
#: Of a location that is deployed again and again.
RELEASE = """
import os, time
from pathlib import Path
import dagster as dg

@dg.op
def work(context):
    gate = Path(os.environ["GATES"]) / f"gate-{context.run_id}"
    while context.run.tags.get("wait") and not gate.exists():
        time.sleep(0.1)
    yield dg.AssetMaterialization("facts", metadata={"release": "RELEASE"})
    yield dg.Output(None)

@dg.job(executor_def=dg.in_process_executor)
def working():
    work()

defs = dg.Definitions(jobs=[working])
"""
ROLL_BACK = """
mutation RollBack {
  rollBack { __typename ... on Release { number } ... on PythonError { message } }
}
"""


@pytest.fixture(scope="module")
def prod(plane: Plane) -> Iterator[DeploymentClient]:
    with closing(DeploymentClient(plane.url, PROD, plane.token)) as client:
        yield client


@pytest.fixture(scope="module", autouse=True)
def runs(plane: Plane, deps: str) -> Iterator[None]:
    """The location, loaded; its sensor would go on."""
    plane.deploy_pex(LOCATION, deps, plane.bench.source({"project.py": PROJECT}))
    assert plane.loaded(LOCATION)["__typename"] == "RepositoryLocation"
    yield
    plane.remove(LOCATION)


def test_a_run_has_its_configuration_and_its_tags_and_what_it_prints_is_kept(
    prod: DeploymentClient,
) -> None:
    config = {"ops": {"say": {"config": {"name": "reader"}}}}
    run_id = prod.launch(LOCATION, "greet", config=config, tags={"team": "blue"})

    prod.succeed(run_id)

    assert "tagged blue" in prod.messages(run_id)
    captured = prod.captured(run_id)
    assert "hello reader" in captured["stdout"]
    assert "a warning" in captured["stderr"]


def test_steps_hand_on_values(prod: DeploymentClient) -> None:
    run_id = prod.launch(LOCATION, "steps")
    prod.succeed(run_id)
    assert "handed on [1, 2]" in prod.messages(run_id)


def test_a_run_reads_what_an_earlier_one_has_stored(prod: DeploymentClient) -> None:
    prod.succeed(prod.launch(LOCATION, "make"))
    run_id = prod.launch(LOCATION, "use")
    prod.succeed(run_id)
    assert "stored before: 42" in prod.messages(run_id)


def test_sensors_ask_the_control_plane(prod: DeploymentClient) -> None:
    prod.start_sensor(LOCATION, "looks")
    prod.wait_for_tick(LOCATION, "looks", "SKIPPED")


def test_code_servers_that_are_killed_are_replaced(plane: Plane) -> None:
    before = plane.servers()
    assert before
    for process in before:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    eventually(
        lambda: (found := set(plane.servers())) and not found & set(before), 60, "other servers"
    )
    # Until it is healed, launches may be refused as the location is in error.
    launch = partial(plane.launch, LOCATION, "make")
    run_id = eventually(launch, 60, "a launch", retry_on=(AssertionError,))
    assert run_id is not None
    plane.until(run_id, "SUCCESS")


def test_runs_have_the_code_they_were_made_from_and_a_rollback_brings_it_back(
    plane: Plane, deps: str
) -> None:
    def deploy(release: str) -> None:
        source = plane.bench.source({"project.py": RELEASE.replace("RELEASE", release)})
        plane.deploy_pex("released", deps, source)
        assert plane.loaded("released")["__typename"] == "RepositoryLocation"

    def queue(word: str) -> None:
        plane_command("queues", word, "--default-queue", "--data", str(plane.data))

    deploy("first")
    under_way = plane.launch("released", "working", wait="yes")
    plane.until(under_way, "STARTED")
    queue("pause")
    try:
        waiting = plane.launch("released", "working")
        deploy("second")
    finally:
        queue("resume")
    newer = plane.launch("released", "working")
    assert plane.facts(newer) == {"release": "second"}
    assert plane.facts(waiting) == {"release": "first"}

    answer = plane.ask(ROLL_BACK)["rollBack"]
    assert answer["__typename"] == "Release", answer
    assert plane.loaded("released")["__typename"] == "RepositoryLocation"
    plane.open_gate(under_way)
    assert plane.facts(under_way) == {"release": "first"}
    again = plane.launch("released", "working")
    assert plane.facts(again) == {"release": "first"}
