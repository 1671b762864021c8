"""What is true of the managed pool where its code runs in processes of this machine."""

from __future__ import annotations

import os
import signal
import stat
import uuid
from pathlib import Path

import pytest

from dagstead.testing.waiting import eventually
from tests.support.environments import AGENT_MINORS, agent_environment
from tests.support.pool_plane import Plane

pytestmark = pytest.mark.compat

#: Folders of the pool with files of user code.
CLOSED = {"deployments", "compute_logs", "environments", "layers", "tenants"}


def own_umask() -> str:
    """That of the tests, which have started the pool."""
    umask = os.umask(0)
    os.umask(umask)
    return f"{umask:03o}"


@pytest.mark.parametrize("tags", [{}, {"dagster/isolation": "disabled"}])
def test_code_has_the_umask_of_the_pool(plane: Plane, location: str, tags: dict[str, str]) -> None:
    facts = plane.facts(plane.launch(location, "quick", **tags))
    # What users share, and others may have: locations of a deployment have a group in common.
    assert facts["umask"][-1] == own_umask()[-1]


def test_a_location_with_an_image_says_that_it_cannot_run(plane: Plane) -> None:
    plane.deploy("image", image="registry/image:1")
    problem = plane.loaded("image")
    assert problem["__typename"] == "PythonError"
    assert "has the Docker image 'registry/image:1'" in problem["message"]
    assert "agent_queue" in problem["message"]
    assert problem["stack"] == []


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
