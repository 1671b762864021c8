"""Prefect as a peer: its server, and a process that runs what is submitted."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks.systems import PATIENCE, RunTimes
from dagstead.testing import eventually
from tests.support.environments import prefect_environment
from tests.support.ports import free_port
from tests.support.processes import ChildProcess

_FLOWS = Path(__file__).parent / "user_code" / "prefect_flows.py"
#: How often it looks for work, as plain Dagster at its run queue; its own default is ten seconds.
_LOOK_SECONDS = "1"


@dataclass(frozen=True, kw_only=True)
class Prefect:
    """A server with one flow."""

    http: httpx.Client
    roots: list[psutil.Process]
    name: str = "prefect"
    jobs: Collection[str] = ("one_op",)

    def run(self, job: str) -> RunTimes:
        """Submit a run of a flow, and wait for its success."""
        begin = time.time()
        deployment = self.ask("GET", f"/deployments/name/{job}/{job}")
        run_id = self.ask("POST", f"/deployments/{deployment['id']}/create_flow_run")["id"]

        def probe() -> Mapping[str, Any] | None:
            found = self.ask("GET", f"/flow_runs/{run_id}")
            if found["state_type"] in {"FAILED", "CRASHED", "CANCELLED"}:
                raise AssertionError(found)
            return found if found["state_type"] == "COMPLETED" else None

        found = eventually(probe, PATIENCE, f"the success of flow run {run_id}")
        assert found is not None  # noqa: S101 - `eventually` gives no other
        return RunTimes(
            to_started=_seconds(found["start_time"]) - begin,
            to_end=_seconds(found["end_time"]) - begin,
        )

    def ask(self, method: str, path: str) -> dict[str, Any]:
        """What its API answers; where it is busy, it is asked again, as by its own client."""
        body: dict[str, Any] | None = {} if method == "POST" else None

        def answered() -> httpx.Response | None:
            found = self.http.request(method, f"/api{path}", json=body)
            return None if found.status_code == httpx.codes.SERVICE_UNAVAILABLE else found

        found = eventually(answered, PATIENCE, f"an answer to {path}")
        assert found is not None  # noqa: S101 - `eventually` gives no other
        answer: dict[str, Any] = found.raise_for_status().json()
        return answer


@contextmanager
def prefect(folder: Path) -> Iterator[Prefect]:
    """Its server with SQLite, and the flow served."""
    folder.mkdir(parents=True)
    environment = prefect_environment()
    port = str(free_port())
    url = f"http://127.0.0.1:{port}"
    variables = environment.variables(
        PREFECT_HOME=str(folder / "home"),
        PREFECT_API_URL=f"{url}/api",
        PREFECT_SERVER_ANALYTICS_ENABLED="false",
        DO_NOT_TRACK="1",
        PREFECT_RUNNER_POLL_FREQUENCY=_LOOK_SECONDS,
    )
    server = (environment.program("prefect"), "server", "start", "--host", "127.0.0.1")
    runner = [environment.program("python"), _FLOWS]
    with ExitStack() as stack:
        first = stack.enter_context(
            ChildProcess(
                [*server, "--port", port], log=folder / "server.log", env=variables, cwd=folder
            )
        )
        http = stack.enter_context(httpx.Client(base_url=url, timeout=60, trust_env=False))
        eventually(
            lambda: http.get("/api/health").is_success,
            PATIENCE,
            "Prefect",
            retry_on=(httpx.TransportError,),
        )
        second = stack.enter_context(
            ChildProcess(runner, log=folder / "runner.log", env=variables, cwd=folder)
        )
        eventually(
            lambda: http.get("/api/deployments/name/one_op/one_op").is_success,
            PATIENCE,
            "its flow",
        )
        yield Prefect(http=http, roots=[psutil.Process(each.pid) for each in (first, second)])


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
