"""The managed pool in a whole control plane: PEX locations load, run, end and survive."""

from __future__ import annotations

import os
import signal
import stat
import uuid
from pathlib import Path

import httpx
import psutil
import pytest

from dagstead.testing.waiting import eventually
from tests.support.environments import AGENT_MINORS, agent_environment
from tests.support.pex import pex_tag
from tests.support.pool_plane import Plane, agent_of

pytestmark = pytest.mark.compat

#: Folders of the pool with files of user code.
CLOSED = {"deployments", "compute_logs", "environments", "layers", "tenants"}

PROJECT = """
import os, sys, time
from pathlib import Path
import dagster, library
from dagster import AssetMaterialization, Definitions, Output, graph, op, resource

def umask():
    found = os.umask(0)
    os.umask(found)
    return found

def told():
    facts = {
        "library": str(library.VERSION),
        "dagster": dagster.__version__,
        "folder": os.getcwd(),
        "file": Path("beside.txt").read_text(),
        "names": " ".join(sorted(os.environ)),
        "umask": f"{umask():03o}",
    }
    return AssetMaterialization("facts", metadata=facts)

@op
def tell():
    yield told()
    yield Output(None)

@op
def wait(context):
    print("waiting", flush=True)
    gate = Path(os.environ["GATES"]) / f"gate-{context.run_id}"
    while not gate.exists():
        time.sleep(0.1)
    yield told()
    yield Output(None)

@graph
def quick():
    tell()

@resource
def late(context):
    # Before a step's output is captured: what is printed goes to the code server's own.
    gate = Path(os.environ["GATES"]) / f"gate-{context.run_id}"
    while not gate.exists():
        time.sleep(0.1)
    print("late", flush=True)

@op(required_resource_keys={"late"})
def tell_late():
    yield told()
    yield Output(None)

@graph
def slow():
    wait()

@graph
def slow_to_begin():
    tell_late()

definitions = Definitions(
    jobs=[each.to_job(executor_def=dagster.in_process_executor, resource_defs={"late": late})
          for each in (quick, slow, slow_to_begin)]
)
"""


@pytest.fixture(scope="module")
def source(plane: Plane) -> str:
    return plane.bench.source({"project.py": PROJECT, "beside.txt": "a file of the project"})


@pytest.fixture(scope="module")
def deps(plane: Plane) -> str:
    return plane.bench.dependencies({"library/__init__.py": "VERSION = 1\n"})


@pytest.fixture(scope="module")
def location(plane: Plane, source: str, deps: str) -> str:
    """A deployed and loaded location, for the tests about runs."""
    plane.deploy_pex("shared", deps, source)
    assert plane.loaded("shared")["__typename"] == "RepositoryLocation"
    return "shared"


def own_umask() -> str:
    """That of the tests, which have started the pool."""
    umask = os.umask(0)
    os.umask(umask)
    return f"{umask:03o}"


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
    # What users share, and others may have: locations of a deployment have a group in common.
    assert facts["umask"][-1] == own_umask()[-1]
    tags = {tag["key"]: tag["value"] for tag in plane.run(run_id)["tags"]}
    assert tags["dagster/agent_label"] == "managed pool"
    assert "of the managed pool" in plane.messages(run_id)


def test_other_users_can_read_nothing_of_the_pool(plane: Plane, location: str) -> None:
    plane.facts(plane.launch(location, "quick"))
    home = plane.data / "pool"

    def look() -> dict[str, str]:
        """The modes of what is not behind a closed folder."""
        modes = {".": mode(home)}
        for path in home.iterdir():
            modes[path.name] = mode(path)
            # PEX files have modes of their own, and user code, with its own umask, makes sockets.
            if path.is_dir() and path.name not in CLOSED:
                below = [each for each in path.rglob("*") if not each.is_socket()]
                modes |= {str(each): mode(each) for each in below}
        return modes

    modes = eventually(look, 30, "a moment without changes", retry_on=(FileNotFoundError,))
    # User code makes the folder of its values itself, in the closed one of the pool.
    modes.pop("deployments", None)
    assert {"dagster.yaml", "agent.lock", "environments", "layers"} <= modes.keys()
    # Folders that users of the pool pass through have a group of theirs.
    assert {path: mode for path, mode in modes.items() if mode[-2:] not in {"00", "10"}} == {}


def mode(path: Path) -> str:
    return f"{stat.S_IMODE(path.lstat().st_mode):o}"


def test_a_run_without_isolation_runs_inside_the_code_server(plane: Plane, location: str) -> None:
    run_id = plane.launch(location, "quick", **{"dagster/isolation": "disabled"})
    facts = plane.facts(run_id)
    # What users share, and others may have: locations of a deployment have a group in common.
    assert facts["umask"][-1] == own_umask()[-1]
    assert facts["file"] == "a file of the project"
    assert "Started the run worker" not in plane.messages(run_id)


def test_a_location_brings_its_own_older_dagster(plane: Plane, source: str) -> None:
    programs = agent_environment(AGENT_MINORS[0]).programs
    packages = next(programs.parent.glob("lib/python*/site-packages"))
    old = plane.bench.dependencies({"library/__init__.py": "VERSION = 1\n"}, packages=packages)
    plane.deploy_pex("old", old, source)
    loaded = plane.loaded("old")
    assert loaded["__typename"] == "RepositoryLocation", loaded
    facts = [
        plane.facts(plane.launch("old", "quick", **tags))
        for tags in ({}, {"dagster/isolation": "disabled"})
    ]
    assert {each["dagster"].rpartition(".")[0] for each in facts} == {AGENT_MINORS[0]}


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
    old_agent = plane.agent_pid()
    assert old_agent
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
    assert "was killed by signal 9" in plane.messages(fresh)
    plane.until(orphan, "FAILURE", seconds=180)
    assert "the pool's agent was not there to see it end" in plane.messages(orphan)
    new_agent = plane.agent_pid()
    eventually(
        lambda: {agent_of(server) for server in plane.servers()} == {new_agent},
        60,
        "the old agent's code servers to end",
        retry_on=(psutil.Error,),
    )


@pytest.mark.parametrize(
    ("name", "document", "reason"),
    [
        ("plain", {}, "has neither a PEX nor a Docker image"),
        ("image", {"image": "registry/image:1"}, "has the Docker image 'registry/image:1'"),
    ],
)
def test_what_the_pool_cannot_run_says_so(
    plane: Plane, name: str, document: dict[str, object], reason: str
) -> None:
    plane.deploy(name, **document)
    problem = plane.loaded(name)
    assert problem["__typename"] == "PythonError"
    assert reason in problem["message"]
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


def test_the_pool_removes_what_old_runs_and_deleted_deployments_have_left(
    plane: Plane, location: str
) -> None:
    ended, running = (plane.launch(location, job) for job in ("quick", "slow"))
    plane.facts(ended)
    plane.worker(running)
    storage = plane.data / "pool" / "deployments" / "prod" / "storage"
    # Beside the newest hundred, which stay whatever their age.
    for _ in range(100):
        (storage / str(uuid.uuid4())).mkdir(parents=True)
    old = {name: storage / name for name in (ended, running, "an_asset")}
    deleted = storage.parent.with_name("deleted")
    for folder in (*old.values(), deleted):
        folder.mkdir(exist_ok=True)
        # The run may be another user's.
        folder.chmod(0o777)
        for path in (*folder.rglob("*"), folder):
            os.utime(path, (0, 0))
    agent = plane.agent_pid()
    assert agent

    # An agent looks as soon as it has started.
    os.kill(agent, signal.SIGKILL)
    eventually(lambda: not old[ended].exists(), 120, "the outputs to be removed")
    eventually(lambda: not deleted.exists(), 30, "the deployment's folder to be removed")

    assert old["an_asset"].exists()
    assert old[running].exists()
    plane.open_gate(running)
    assert plane.facts(running)["library"] == "1"


@pytest.mark.parametrize("without_agent", [True, pytest.param(False, marks=pytest.mark.thorough)])
def test_stopping_leaves_no_process_and_runs_say_who_ended_them(
    plane: Plane, location: str, *, without_agent: bool
) -> None:
    """Last in this folder: it ends the control plane of all the others."""
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
