"""Queues hold runs of real deployments: by a limit over all of them, and by a pause."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from dagstead.testing.waiting import eventually
from tests.support.pool_plane import STATUS, Plane, plane_command

PROJECT = """
import os, time
from pathlib import Path
import dagster
from dagster import Definitions, job, op

@op
def wait(context):
    gate = Path(os.environ["GATES"]) / f"gate-{context.run_id}"
    while not gate.exists():
        time.sleep(0.1)

@job(executor_def=dagster.in_process_executor)
def slow():
    wait()

definitions = Definitions(jobs=[slow])
"""


@pytest.fixture(scope="module")
def source(plane: Plane) -> str:
    return plane.bench.source({"project.py": PROJECT})


@pytest.fixture(scope="module")
def deps(plane: Plane) -> str:
    return plane.bench.dependencies({"library/__init__.py": "VERSION = 1\n"})


@pytest.fixture
def location(plane: Plane, source: str, deps: str) -> str:
    plane.deploy_pex("queued", deps, source)
    assert plane.loaded("queued")["__typename"] == "RepositoryLocation"
    return "queued"


@pytest.fixture
def second(plane: Plane, location: str, source: str, deps: str) -> Iterator[Plane]:
    """Another deployment, with the same location."""
    plane_command("deployment", "create", "second", "--data", str(plane.data))
    other = replace(plane, deployment="second")
    other.deploy_pex(location, deps, source)
    assert other.loaded(location)["__typename"] == "RepositoryLocation"
    yield other
    plane_command("deployment", "delete", "second", "--yes", "--data", str(plane.data))


@pytest.fixture(autouse=True)
def _as_before(plane: Plane) -> Iterator[None]:
    yield
    queues(plane, "set", "--default-queue", "--limit", "none")
    queues(plane, "resume", "--default-queue")


def queues(plane: Plane, *words: str) -> str:
    return plane_command("queues", *words, "--data", str(plane.data))


def shown(plane: Plane) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(queues(plane, "show", "--default-queue", "--format", "json"))
    return found


def status(plane: Plane, run_id: str) -> str:
    seen: str = plane.ask(STATUS, id=run_id)["runOrError"]["status"]
    return seen


@pytest.mark.thorough
def test_one_run_at_a_time_in_two_deployments(plane: Plane, second: Plane, location: str) -> None:
    queues(plane, "set", "--default-queue", "--limit", "1")
    here = plane.launch(location, "slow")
    plane.until(here, "STARTED")
    there = second.launch(location, "slow")
    again = plane.launch(location, "slow")

    def waits() -> bool:
        seen = shown(plane)
        return bool(seen["waiting_runs"] == 2 and seen["runs"] == [f"prod/{here}"])

    eventually(waits, 30, "two runs to wait for one")
    # The daemons look every second.
    second.open_gate(there)
    plane.open_gate(again)
    assert (status(second, there), status(plane, again)) == ("QUEUED", "QUEUED")
    plane.open_gate(here)
    plane.until(here, "SUCCESS")
    second.until(there, "SUCCESS")
    plane.until(again, "SUCCESS")
    assert shown(plane)["running"] == 0


def test_runs_of_a_paused_queue_wait_and_everything_else_goes_on(
    plane: Plane, location: str, source: str, deps: str
) -> None:
    queues(plane, "pause", "--default-queue", "--note", "Driver update")
    runs = [plane.launch(location, "slow") for _ in range(3)]
    for run_id in runs:
        plane.open_gate(run_id)
    eventually(lambda: shown(plane)["waiting_runs"] == 3, 30, "three runs to wait")
    assert shown(plane)["paused"].endswith(": Driver update")
    # Agents load code meanwhile.
    plane.deploy_pex("meanwhile", deps, source)
    assert plane.loaded("meanwhile")["__typename"] == "RepositoryLocation"
    assert {status(plane, run_id) for run_id in runs} == {"QUEUED"}

    queues(plane, "resume", "--default-queue")
    for run_id in runs:
        plane.until(run_id, "SUCCESS")


def test_a_queue_in_use_is_not_removed(plane: Plane, location: str) -> None:
    queues(plane, "set", "--default-queue", "--limit", "4")
    removed = plane.http.post(
        "/prod/graphql", json={"query": "mutation { removeQueue }", "variables": {}}
    )
    [error] = removed.json()["errors"]
    assert error["message"].startswith("The default queue is in use: location")
    assert f"prod/{location}" in error["message"]
    assert shown(plane)["limit"] == 4
