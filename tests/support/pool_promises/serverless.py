"""PEX locations in a whole control plane: they load, run, end and survive."""

from __future__ import annotations

import os
import re
import signal

import httpx
import psutil
import pytest

from dagstead.testing.waiting import eventually
from tests.support.pex import pex_tag
from tests.support.pool_plane import Plane
from tests.support.pool_promises.shared_location import PROJECT


def test_conflicting_dependencies_load_and_run_side_by_side(
    plane: Plane, location: str, source: str
) -> None:
    newer = plane.bench.dependencies({"library/__init__.py": "VERSION = 2\n"})
    plane.deploy_pex("newer", newer, source)
    assert plane.loaded("newer")["__typename"] == "RepositoryLocation"
    runs = [plane.launch(where, "quick") for where in (location, "newer")]
    assert [plane.facts(run)["library"] for run in runs] == ["1", "2"]


def test_an_isolated_run_has_its_own_process_in_the_projects_folder(
    plane: Plane, location: str
) -> None:
    run_id = plane.launch(location, "quick")
    facts = plane.facts(run_id)
    assert facts["file"] == "a file of the project"
    assert facts["folder"].endswith("working_directory/root")
    assert "DAGSTEAD" not in facts["names"]
    tags = {tag["key"]: tag["value"] for tag in plane.run(run_id)["tags"]}
    assert tags["dagster/agent_label"] == "managed pool"
    assert re.search(plane.backend.started, plane.messages(run_id))


def test_a_run_without_isolation_runs_inside_the_code_server(plane: Plane, location: str) -> None:
    run_id = plane.launch(location, "quick", **{"dagster/isolation": "disabled"})
    facts = plane.facts(run_id)
    assert facts["file"] == "a file of the project"
    assert not re.search(plane.backend.started, plane.messages(run_id))


@pytest.mark.thorough
def test_of_several_deploys_in_a_row_the_last_one_serves(plane: Plane, deps: str) -> None:
    sources = [
        plane.bench.source({"project.py": PROJECT + f"# {n}\n", "beside.txt": f"deploy {n}"})
        for n in range(3)
    ]
    plane.upload(deps, *sources)
    for each in sources:
        plane.deploy("rapid", pex_metadata={"pex_tag": pex_tag(deps, each)})
    assert plane.loaded("rapid")["__typename"] == "RepositoryLocation"
    assert plane.facts(plane.launch("rapid", "quick"))["file"] == "deploy 2"


@pytest.mark.parametrize("tags", [{}, {"dagster/isolation": "disabled"}])
def test_a_run_can_be_ended(plane: Plane, location: str, tags: dict[str, str]) -> None:
    run_id = plane.launch(location, "slow", **tags)
    plane.until(run_id, "STARTED")
    plane.terminate(run_id)
    plane.until(run_id, "CANCELED")


@pytest.mark.thorough
def test_runs_outlive_the_supervisor(plane: Plane, location: str) -> None:
    running = plane.launch(location, "slow")
    plane.worker(running)
    parts = psutil.Process(plane.up.pid).children()
    assert plane.agent_pid() in {each.pid for each in parts}
    plane.up.signal(signal.SIGKILL)
    plane.up.wait(30)
    _, alive = psutil.wait_procs(parts, 60)
    assert alive == []

    plane.start_again()
    plane.open_gate(running)

    assert plane.facts(running)["library"] == "1"
    assert "is gone" not in plane.messages(running)
    assert plane.facts(plane.launch(location, "quick"))["library"] == "1"


def test_runs_outlive_their_agent_and_a_worker_that_dies_fails_its_run(
    plane: Plane, location: str
) -> None:
    survivor, orphan = (plane.launch(location, "slow") for _ in range(2))
    plane.worker(survivor)
    orphans_worker = plane.worker(orphan)
    inside = plane.launch(location, "slow_to_begin", **{"dagster/isolation": "disabled"})
    plane.until(inside, "STARTED")
    old_agent, old_servers = plane.agent_pid(), plane.servers()
    assert old_agent
    assert old_servers
    os.kill(old_agent, signal.SIGKILL)
    eventually(lambda: plane.agent_pid() not in {None, old_agent}, 60, "another agent")
    for run_id in (survivor, inside):
        plane.open_gate(run_id)
        assert plane.facts(run_id)["library"] == "1"

    # The new agent serves the location as before, with servers of its own.
    fresh = plane.launch(location, "slow")
    plane.worker(fresh).kill()
    orphans_worker.kill()
    plane.until(fresh, "FAILURE", seconds=180)
    assert plane.backend.killed in plane.messages(fresh)
    plane.until(orphan, "FAILURE", seconds=180)
    assert plane.backend.killed_unseen in plane.messages(orphan)
    eventually(
        lambda: not set(old_servers) & set(plane.servers()),
        60,
        "the old agent's code servers to end",
    )


def test_a_location_without_code_says_so(plane: Plane) -> None:
    plane.deploy("plain")
    problem = plane.loaded("plain")
    assert problem["__typename"] == "PythonError"
    assert "has neither a PEX nor" in problem["message"]
    assert "agent_queue" in problem["message"]
    assert problem["stack"] == []


def test_a_file_that_was_damaged_in_the_store_is_named(plane: Plane, deps: str) -> None:
    content = bytearray((plane.bench.shelf / deps).read_bytes())
    content[len(content) // 2 :] = b""
    name = f"source-{'f' * 40}.pex"
    (plane.bench.shelf / name).write_bytes(content)
    plane.deploy_pex("damaged", deps, name)
    problem = plane.loaded("damaged")
    assert problem["__typename"] == "PythonError"
    assert f"{name} is not a whole PEX file" in problem["message"]
    assert "Code location 'damaged' of deployment 'prod'" in problem["message"]


@pytest.mark.thorough
def test_runs_outlive_the_parts_of_the_control_plane(plane: Plane, location: str) -> None:
    order = ("web", "daemon", "pool")
    started, starting = (plane.launch(location, job) for job in ("slow", "slow"))
    plane.worker(started)
    before = [plane.part(name) for name in order]
    for process in before:
        process.kill()
    psutil.wait_procs(before, 30)
    gone = {process.pid for process in before}
    eventually(
        lambda: not gone & {plane.part(name).pid for name in order},
        120,
        "all parts to be there again",
        retry_on=(StopIteration, psutil.Error),
    )
    eventually(plane.is_healthy, 120, "the web server", retry_on=(httpx.HTTPError,))

    for run_id in (started, starting):
        plane.open_gate(run_id)
        assert plane.facts(run_id)["library"] == "1"
        assert "is gone" not in plane.messages(run_id)


@pytest.mark.parametrize("without_agent", [True, pytest.param(False, marks=pytest.mark.thorough)])
def test_stopping_leaves_no_process_and_runs_say_who_ended_them(
    plane: Plane, location: str, *, without_agent: bool
) -> None:
    """Last of these: it ends the control plane of all the others."""
    run_id = plane.launch(location, "slow")
    plane.worker(run_id)
    assert plane.processes()
    if without_agent:
        plane.part("pool").kill()
    plane.up.signal(signal.SIGTERM)
    plane.up.wait(90)
    assert plane.processes() == []

    plane.start_again()
    plane.until(run_id, "FAILURE")
    assert "The managed pool was asked to stop" in plane.messages(run_id)
