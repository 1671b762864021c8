"""A real PEX location under ``dagstead up`` tries to reach what is not its own."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dagstead.model.pex_names import PexName, names_in_tag
from tests.support.pool_plane import Plane, running_plane

pytestmark = pytest.mark.compat

PROBE = Path(__file__).parents[1] / "support" / "walls" / "probe.py"
PROJECT = """
import json, os
from pathlib import Path
from dagster import AssetMaterialization, Definitions, Output, graph, in_process_executor, op
import probe

def tried(attempts):
    results = {}
    for name, (function, *arguments) in attempts.items():
        try:
            results[name] = {"got": probe.ATTEMPTS[function](*arguments)}
        except (OSError, ValueError) as error:
            results[name] = {"refused": str(error)}
    return results

@op
def attack(context):
    results = tried(json.loads(context.run.tags["attempts"]))
    yield AssetMaterialization("facts", metadata={
        "results": json.dumps(results), "home": os.environ["HOME"],
        "token": os.environ["DAGSTER_CLOUD_AGENT_TOKEN"].partition(":")[0],
    })
    yield Output(None)

@graph
def hostile():
    attack()

definitions = Definitions(jobs=[hostile.to_job(executor_def=in_process_executor)])
"""
#: What has to be refused, whatever walls this machine has.
CLOSED = (
    *("database", "list of the data folder", "another environment", "own environment, written"),
    *("the web server's environment", "the daemon's environment", "the agent's environment"),
    *("the supervisor's environment", "the agent's memory", "the web server's end"),
    *("a home of the machine",),
)


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    with running_plane(tmp_path_factory.mktemp("walls")) as plane:
        yield plane


def environment_of(plane: Plane, source: str) -> Path:
    """Where a PEX file with the sources of a project was unpacked."""
    environments = plane.data / "pool" / "environments"
    return next(
        marker.parent
        for marker in environments.glob("*/dagstead.json")
        if source in map(_plain, names_in_tag(json.loads(marker.read_text())["tag"]))
    )


def _plain(name: str) -> str:
    return PexName.of(name).plain


def attempts(plane: Plane, port: int, *, own: Path, other: Path) -> dict[str, Any]:
    pids = {name: plane.part(name).pid for name in ("web", "daemon", "pool")}
    tries: dict[str, Any] = {
        "database": ["read", str(plane.data / "dagstead.db")],
        "list of the data folder": ["read", str(plane.data)],
        "another environment": ["read", str(other / "pyvenv.cfg")],
        "own environment, written": ["write", str(own)],
        "the web server's environment": ["read", f"/proc/{pids['web']}/environ"],
        "the daemon's environment": ["read", f"/proc/{pids['daemon']}/environ"],
        "the agent's environment": ["read", f"/proc/{pids['pool']}/environ"],
        "the supervisor's environment": ["read", f"/proc/{plane.up.pid}/environ"],
        "the agent's memory": ["read", f"/proc/{pids['pool']}/mem"],
        "the web server's end": ["signal_to", pids["web"]],
        "a home of the machine": ["read", str(Path.home())],
        "another port": ["connect", port],
        "inherited descriptors": ["open_descriptors"],
    }
    return tries


def test_a_location_reaches_nothing_of_the_control_plane_and_of_others(plane: Plane) -> None:
    deps = plane.bench.dependencies()
    other = plane.bench.source({"project.py": PROJECT, "probe.py": ""})
    files = {"project.py": PROJECT, "probe.py": PROBE.read_text(encoding="utf-8")}
    hostile = plane.bench.source(files)
    plane.deploy_pex("other", deps, other)
    plane.deploy_pex("hostile", deps, hostile)
    for location in ("other", "hostile"):
        assert plane.loaded(location)["__typename"] == "RepositoryLocation"
    line = next(
        line
        for line in (plane.folder / "up.log").read_text(encoding="utf-8").splitlines()
        if line.startswith("Walls around user code of the managed pool")
    )

    with socket.create_server(("127.0.0.1", 0)) as others:
        tries = attempts(
            plane,
            others.getsockname()[1],
            own=environment_of(plane, hostile),
            other=environment_of(plane, other),
        )
        run_id = plane.launch("hostile", "hostile", attempts=json.dumps(tries))
        facts = plane.facts(run_id)

    results = json.loads(facts["results"])
    got = {name: results[name]["got"] for name in CLOSED if "got" in results[name]}
    # bubblewrap makes the folders around what is one's own: they have nothing else in them.
    listing = set(got.pop("list of the data folder", []))
    assert listing <= {"pool"}
    got.pop("a home of the machine", None) if listing else None
    assert got == {}
    assert facts["token"] == "worker"
    assert facts["home"] != str(Path.home())
    assert ("got" in results["another port"]) == ("loopback OPEN" in line), line


def test_health_and_status_show_the_walls(plane: Plane) -> None:
    health = plane.http.get("/health").json()
    assert health["pool"]["sandbox_level"] in {1, 2, 3}
