"""From the start of `dagstead up` to its first healthy answer, and from a deploy to live."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil

from benchmarks.costs import Window
from benchmarks.samples import Sample
from benchmarks.systems import MODULE, USER_CODE, Dagstead, System
from dagstead.testing import eventually
from tests.support import documents
from tests.support.environments import own_environment
from tests.support.ports import free_port
from tests.support.processes import ChildProcess

_PATIENCE = 120.0


def starts(folder: Path, rounds: int) -> Iterator[Sample]:
    """With an empty data folder, and again with what is there then."""
    for number in range(rounds):
        data = folder / f"data-{number}"
        for case in ("with an empty folder", "again"):
            yield from _start(folder, data, case)


def _start(folder: Path, data: Path, case: str) -> Iterator[Sample]:
    port = free_port()
    program = own_environment().program("dagstead")
    command: list[str | Path] = [program, "up", "--data", data, "--port", str(port)]
    begin = time.time()
    with ChildProcess(command, log=folder / "up.log", cwd=folder) as up:
        window = Window([psutil.Process(up.pid)])

        def is_healthy() -> bool:
            return httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False).is_success

        eventually(is_healthy, _PATIENCE, "health", retry_on=(httpx.TransportError,))
        took, used = time.time() - begin, window.processor_seconds
    for metric, value in (("to healthy", took), ("processor until then", used)):
        yield Sample(
            scenario="Start", case=case, system="dagstead", metric=metric, unit="s", value=value
        )


def deploys(plane: Dagstead, rounds: int) -> Iterator[Sample]:
    """Deploy the same code once more; a code server starts for each."""
    for _ in range(rounds):
        for system, queue in ((plane.pool, {}), (plane.hybrid, {"agent_queue": "bench"})):
            before = _loaded_at(system)
            document = {
                "location_name": system.location,
                "working_directory": str(USER_CODE),
                "code_source": {"module_name": MODULE},
                **queue,
            }
            begin = time.time()
            system.ask(documents.DEPLOY, document={"locations": [document]})
            eventually(lambda: _loaded_at(system) > before, _PATIENCE, "the deploy to be live")  # noqa: B023 - called at once
            yield Sample(
                scenario="Deploy",
                case="code in a folder",
                system=system.name,
                metric="to live",
                unit="s",
                value=time.time() - begin,
            )


_LOADED = """
query Loaded {
  workspaceOrError {
    ... on Workspace { locationEntries { name loadStatus updatedTimestamp } }
  }
}
"""


def _loaded_at(system: System) -> float:
    """When the definitions of a location were loaded; 0 while they load."""
    entries = system.ask(_LOADED)["workspaceOrError"]["locationEntries"]
    [own] = [each for each in entries if each["name"] == system.location]
    return float(own["updatedTimestamp"]) if own["loadStatus"] == "LOADED" else 0.0
