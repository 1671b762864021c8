"""Runs of the pool that begin in processes which have imported their code before."""

from __future__ import annotations

import signal
from collections.abc import Mapping

import psutil
import pytest

from dagstead.testing.waiting import eventually
from tests.support.pool_plane import Plane

pytestmark = pytest.mark.compat

PROJECT = """
import hashlib, os, random, tempfile, threading, time
from pathlib import Path
import dagster as dg

IMPORTED = time.time_ns()
SEEN = []
THREADS
random.seed(7)
FIRST = random.random()

def parent():
    try:
        return Path(f"/proc/{os.getppid()}/cmdline").read_text()
    except OSError:
        return "of nobody"

def told(name, context):
    SEEN.append(context.run_id)
    scratch = Path(tempfile.gettempdir(), f"left by {context.run_id}")
    scratch.touch()
    facts = {
        "imported": str(IMPORTED),
        "seen": str(len(SEEN)),
        "token": hashlib.sha256(os.environ["DAGSTER_CLOUD_AGENT_TOKEN"].encode()).hexdigest(),
        "folder": os.getcwd(),
        "left": str(len(list(scratch.parent.glob("left by *")))),
        "process": str(os.getpid()),
        "parent": parent(),
        "leader": str(os.getsid(0) == os.getpgid(0)),
        "random": str(random.random()),
        "input": os.read(0, 1).decode(),
        "secret": os.environ.get("COLOUR", ""),
    }
    return dg.AssetMaterialization(name, metadata=facts)

@dg.op
def one(context):
    yield told("one", context)
    yield dg.Output(None)

@dg.op
def another(context, before):
    yield told("another", context)
    yield dg.Output(None)

@dg.op
def wait(context):
    print("waiting", flush=True)
    time.sleep(600)

@dg.job(executor_def=dg.in_process_executor)
def quick():
    one()

@dg.job
def steps():
    another(one())

@dg.job(executor_def=dg.in_process_executor)
def endless():
    wait()

definitions = dg.Definitions(jobs=[quick, steps, endless])
"""
NOT_ISOLATED = {"dagster/isolation": "disabled"}
WARM = "which had imported its code before"


def deployed(plane: Plane, name: str, threads: str = "", **more: object) -> str:
    """A location that has loaded."""
    source = plane.bench.source({"project.py": PROJECT.replace("THREADS", threads)})
    deps = plane.bench.dependencies({"library/__init__.py": "VERSION = 1\n"})
    plane.deploy_pex(name, deps, source, **more)
    assert plane.loaded(name)["__typename"] == "RepositoryLocation"
    return name


def is_warm(plane: Plane, run_id: str) -> bool:
    return WARM in plane.messages(run_id)


def all_wait(plane: Plane) -> bool:
    """Whether the processes that were started ahead of runs have imported everything."""
    found = plane.processes("warm/worker.py")
    return bool(found) and all(
        each.cpu_times().user > 1 and each.cpu_percent(interval=0.5) < 5 for each in found
    )


def warm_run(plane: Plane, location: str, job: str) -> str:
    """A run that a warm worker executes: soon after another one, most are."""

    def launched() -> str | None:
        run_id = plane.launch(location, job)
        eventually(lambda: "Started the run worker" in plane.messages(run_id), 60, "its worker")
        if is_warm(plane, run_id):
            return run_id
        if job == "endless":
            plane.terminate(run_id)
            plane.until(run_id, "CANCELED")
        else:
            plane.until(run_id, "SUCCESS")
        eventually(lambda: all_wait(plane), 60, "a process that waits", retry_on=(psutil.Error,))
        return None

    found = eventually(launched, 120, "a run in a process that waited for it")
    assert found is not None
    return found


def facts_of(plane: Plane, run_id: str) -> dict[str, Mapping[str, str]]:
    """What each op told, by its name."""
    told = plane.until(run_id, "SUCCESS")["assetMaterializations"]
    names = ("one", "another")
    return {
        name: {each["label"]: each["text"] for each in one["metadataEntries"]}
        for name, one in zip(names, told, strict=False)
    }


@pytest.fixture(scope="module")
def location(plane: Plane) -> str:
    return deployed(plane, "warm")


@pytest.fixture(scope="module")
def cold(plane: Plane) -> str:
    """A location whose runs take a moment to start."""
    return deployed(plane, "cold", container_context={"dagstead_pool": {"warm": False}})


def kill_worker_of(plane: Plane, run_id: str) -> None:
    """As soon as there is one: it has hardly begun to import Dagster."""
    for process in eventually(lambda: plane.processes(run_id), 60, "the worker"):
        process.kill()


def test_a_run_in_a_warm_process_finds_what_it_would_find_in_a_new_one(
    plane: Plane, location: str
) -> None:
    cold = plane.launch(location, "quick")
    first = facts_of(plane, cold)["one"]
    assert not is_warm(plane, cold)
    runs = [warm_run(plane, location, "quick") for _ in range(2)]
    for facts in (facts_of(plane, run)["one"] for run in runs):
        assert facts["seen"] == facts["left"] == "1"
        assert facts["input"] == ""
        assert facts["leader"] == "True"
        assert facts["random"] == first["random"]
        assert facts["folder"] == first["folder"]
    told = [facts_of(plane, run)["one"] for run in (cold, *runs)]
    assert len({each["token"] for each in told}) == 3
    assert len({each["imported"] for each in told}) == 3


def test_steps_are_forks_of_a_warm_process(plane: Plane, location: str) -> None:
    told = facts_of(plane, warm_run(plane, location, "steps"))
    assert set(told) == {"one", "another"}
    assert len({each["imported"] for each in told.values()}) == 1
    assert len({each["process"] for each in told.values()}) == 2
    # Each has what its code has chosen, as if it had imported it itself.
    assert len({each["random"] for each in told.values()}) == 1
    assert {each["seen"] for each in told.values()} == {"1"}
    assert len({each["token"] for each in told.values()}) == 1


@pytest.mark.thorough
def test_steps_of_code_with_threads_import_it_themselves(plane: Plane) -> None:
    threads = "threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()"
    name = deployed(plane, "threads", threads)
    run_id = warm_run(plane, name, "steps")
    told = facts_of(plane, run_id)
    assert len({each["imported"] for each in told.values()}) == 2
    [output] = plane.data.glob(f"pool/runs/{run_id}/worker.log")
    assert "it starts threads when it is imported" in output.read_text()


def test_runs_that_are_not_isolated_are_forks_that_have_imported_no_code(
    plane: Plane, location: str
) -> None:
    runs = [plane.launch(location, "quick", **NOT_ISOLATED) for _ in range(3)]
    told = [facts_of(plane, run)["one"] for run in runs]
    assert len({each["imported"] for each in told}) == 3
    assert {each["seen"] for each in told} == {"1"}
    assert len({each["parent"] for each in told}) == 1
    assert "multiprocessing.forkserver" in told[0]["parent"]


def test_the_process_of_these_forks_is_replaced(plane: Plane, location: str) -> None:
    plane.until(plane.launch(location, "quick", **NOT_ISOLATED), "SUCCESS")
    [server] = plane.processes("multiprocessing.forkserver")
    server.kill()
    facts_of(plane, plane.launch(location, "quick", **NOT_ISOLATED))
    [another] = plane.processes("multiprocessing.forkserver")
    assert another.pid != server.pid


def test_code_that_asks_for_the_token_gets_that_of_its_run(plane: Plane) -> None:
    name = deployed(plane, "asking", 'TOKEN = os.environ.get("DAGSTER_CLOUD_AGENT_TOKEN")')
    plane.until(plane.launch(name, "quick"), "SUCCESS")

    def why() -> str | None:
        run_id = plane.launch(name, "quick")
        plane.until(run_id, "SUCCESS")
        assert not is_warm(plane, run_id)
        said = plane.messages(run_id)
        return said if "asks for DAGSTER_CLOUD_AGENT_TOKEN" in said else None

    eventually(why, 120, "a run that says why it starts cold")


def test_a_location_may_do_without(plane: Plane, cold: str) -> None:
    inside = facts_of(plane, plane.launch(cold, "quick", **NOT_ISOLATED))["one"]
    assert "forkserver" not in inside["parent"]
    for _ in range(3):
        run_id = plane.launch(cold, "quick")
        plane.until(run_id, "SUCCESS")
        assert not is_warm(plane, run_id)


@pytest.mark.thorough
def test_a_worker_that_is_killed_in_its_first_second_is_replaced_once(
    plane: Plane, cold: str
) -> None:
    run_id = plane.launch(cold, "endless")
    kill_worker_of(plane, run_id)
    again = "It is launched again (launch 2)."
    eventually(lambda: again in plane.messages(run_id), 90, "another launch")
    kill_worker_of(plane, run_id)

    plane.until(run_id, "FAILURE", seconds=90)
    messages = plane.messages(run_id)
    assert messages.count("The run worker has ended before it had started the run.") == 2
    assert "was killed by signal 9" in messages


def test_a_run_that_is_starting_can_be_ended(plane: Plane, cold: str) -> None:
    run_id = plane.launch(cold, "endless")
    plane.until(run_id, "STARTING")

    plane.terminate(run_id)

    plane.until(run_id, "CANCELED", seconds=60)
    eventually(lambda: not plane.processes(run_id), 30, "the end of its worker")


def test_a_warm_run_is_terminated(plane: Plane, location: str) -> None:
    run_id = warm_run(plane, location, "endless")
    plane.worker(run_id)
    plane.terminate(run_id)
    plane.until(run_id, "CANCELED")
    eventually(lambda: not plane.processes(run_id), 30, "the end of its worker")


def test_a_warm_run_that_is_killed_fails_with_the_signal(plane: Plane, location: str) -> None:
    run_id = warm_run(plane, location, "endless")
    plane.worker(run_id).kill()
    plane.until(run_id, "FAILURE")
    assert f"signal {int(signal.SIGKILL)}" in plane.messages(run_id)


def test_processes_that_wait_end_with_the_agent(plane: Plane, location: str) -> None:
    plane.until(warm_run(plane, location, "quick"), "SUCCESS")
    waiting = eventually(lambda: plane.processes("warm/worker.py"), 60, "one that waits")
    agent = plane.agent_pid()
    assert waiting is not None
    assert agent is not None
    psutil.Process(agent).kill()
    _, left = psutil.wait_procs(waiting, timeout=60)
    assert not left
    eventually(lambda: plane.agent_pid() not in {None, agent}, 120, "the next agent")
    plane.until(plane.launch(location, "quick"), "SUCCESS")


@pytest.mark.thorough
def test_the_agent_does_not_grow_with_its_runs(plane: Plane, location: str) -> None:
    pid = plane.agent_pid()
    assert pid is not None
    agent = psutil.Process(pid)

    def ended(count: int) -> None:
        for _ in range(count // 4):
            for run_id in [plane.launch(location, "quick") for _ in range(4)]:
                plane.until(run_id, "SUCCESS")

    def is_quiet() -> bool:
        # The one that waits is the bubblewrap around it, and what is behind.
        return len(plane.processes("warm/worker.py")) <= 1 and not plane.processes("execute_run")

    ended(4)
    eventually(is_quiet, 60, "the workers to be gone")
    files, threads, memory = agent.num_fds(), agent.num_threads(), agent.memory_info().rss
    ended(200)
    eventually(is_quiet, 60, "the workers to be gone")
    # One thread and a few files wait with the process that waits.
    assert agent.num_fds() <= files + 5
    assert agent.num_threads() <= threads + 5
    assert agent.memory_info().rss <= memory + 30_000_000
    zombies = [each for each in agent.children() if each.status() == psutil.STATUS_ZOMBIE]
    assert not zombies
