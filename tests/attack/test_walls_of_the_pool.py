"""Hostile user code behind each kind of wall that a machine may allow."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from dagstead.serverless.sandbox.rulesets import landlock_version
from dagstead.serverless.sandbox.user_numbers import SMALL_RANGE, USUAL_RANGE, usable_range
from dagstead.serverless.sandbox.walls import Walls
from tests.support.debian import bubblewrap, nftables, reachable_python

ROOT = Path(__file__).parents[2]
NOBODY = 65534
#: What has to work behind all of them.
OWN = (
    *("own outputs", "own outputs, written", "own layer", "own home, written", "own environment"),
    *("own logs, written", "temporary files, written", "own port", "the control plane's port"),
    "memory, shared",
)
#: What the kernel alone protects: users that are kept apart by their numbers have it in common.
OF_THE_KERNEL = frozenset({"the machine's host", "the kernel's keys", "an abstract socket"})
#: Only a network of its own, or rules for users, close these.
LOOPBACK = frozenset({"another port", "another port without a connection"})
USERS = usable_range(None, __name__) or USUAL_RANGE


def kernel() -> dict[str, Any]:
    return {"landlock": landlock_version(), "seccomp": True}


def levels() -> Mapping[str, tuple[int, dict[str, Any]]]:
    bwrap = {"bubblewrap": "bwrap"}
    return {
        "users and bubblewrap": (0, {"users": USERS, **bwrap, **kernel()}),
        "users": (0, {"users": USERS, **kernel()}),
        "users and rules": (0, {"users": USERS, "loopback": True, **kernel()}),
        "users in a container with few numbers": (0, {"users": SMALL_RANGE, **kernel()}),
        "users on an old kernel": (0, {"users": USERS}),
        "bubblewrap as root": (0, {**bwrap, **kernel()}),
        "bubblewrap": (NOBODY, {**bwrap, **kernel()}),
        "bubblewrap on an old kernel": (NOBODY, bwrap),
        "the kernel as root": (0, kernel()),
        "the kernel": (NOBODY, kernel()),
    }


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that other users reach, as that of an installation is."""
    made = Path(tempfile.mkdtemp(prefix="dagstead-walls-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


def played(
    folder: Path, user: int, walls: Walls, *, again: bool = False
) -> Mapping[str, Mapping[str, Any]]:
    """The scene, played as a user of this machine."""
    own = folder / "own"
    own.mkdir(mode=0o755, exist_ok=again)
    os.chown(own, user, user)
    packages = [path for path in sys.path if path.endswith("site-packages")]
    done = subprocess.run(
        [
            *(["unshare", "--net"] if walls.loopback else []),
            *(reachable_python(), "-P", "-m", "tests.support.walls.scene"),
            *(own, json.dumps(walls.as_json())),
        ],
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(map(str, (ROOT / "src", ROOT, *packages))),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        user=user,
        group=user,
        extra_groups=[],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    results: Mapping[str, Mapping[str, Any]] = json.loads(done.stdout)
    return results


def broken_walls(results: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The attempts that have got something of others."""
    return {
        name: result["got"]
        for name, result in results.items()
        if "got" in result and name not in OWN and not is_own_view(name, result["got"])
    }


def is_own_view(name: str, got: object) -> bool:
    # bubblewrap makes the folders around what is one's own, and nothing else is in them.
    is_listing = name == "data folder" or name.startswith("list of ")
    return is_listing and set(got if isinstance(got, list) else ()) <= {
        *("pool", "deployments", "environments", "tenants", "own"),
    }


@pytest.mark.parametrize("level", levels())
def test_user_code_reaches_what_is_its_own_and_nothing_else(folder: Path, level: str) -> None:
    user, walls = levels()[level]
    if walls.get("loopback"):
        nftables()
    if "bubblewrap" in walls:
        walls = {**walls, "bubblewrap": str(bubblewrap())}
    results = played(folder, user, Walls.from_json(walls))
    assert {name: results[name] for name in OWN if "got" not in results[name]} == {}
    open_on_old_kernels = OF_THE_KERNEL if not walls.get("landlock") else frozenset()
    broken = broken_walls(results)
    loopback = frozenset() if walls.get("loopback") else LOOPBACK
    assert broken.keys() - loopback <= open_on_old_kernels, broken


def test_without_walls_everything_is_open(folder: Path) -> None:
    """That the attempts are real."""
    broken = broken_walls(played(folder, NOBODY, Walls()))
    assert {
        *("database", "blobs", "record of another run", "another environment"),
        *("outputs of another deployment", "home of another location", "own layer, written"),
        *("environ of the neighbour", "descriptors of the neighbour", "end the control plane"),
        *("database by a link", "an abstract socket"),
    } <= broken.keys()
    # Processes of the control plane close themselves.
    assert broken.keys().isdisjoint({"environ of the control plane", "mem of the control plane"})


def test_other_walls_after_a_restart_open_what_the_location_has(folder: Path) -> None:
    """A machine may have lost the means for users of the pool's own, or have got them."""
    with_users = Walls.from_json({"users": USERS, **kernel()})
    for walls in (Walls.from_json(kernel()), with_users, Walls.from_json(kernel()), with_users):
        results = played(folder, 0, walls, again=True)
        assert {name: results[name] for name in OWN if "got" not in results[name]} == {}
