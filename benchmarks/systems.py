"""What is compared: open-source Dagster, and a control plane with its pool and an agent."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import httpx
import psutil

from dagstead.testing import eventually
from tests.support import documents
from tests.support.agents import AgentSetup, OfficialAgent
from tests.support.environments import own_environment
from tests.support.pool_plane import PROD, plane_command, running_plane, stored_in
from tests.support.ports import free_port
from tests.support.processes import ChildProcess

USER_CODE = Path(__file__).parent / "user_code"
MODULE = "bench_jobs"
#: How often Dagster looks at its run queue, where it is not told.
DEQUEUE_SECONDS = 1
QUEUE = "bench"
PATIENCE = 180.0

_TIMES = """
query Times($runId: ID!) {
  runOrError(runId: $runId) { ... on Run { status startTime endTime } }
}
"""
_PLAN = """
query Plan($pipeline: PipelineSelector!, $config: RunConfigData!) {
  executionPlanOrError(pipeline: $pipeline, runConfigData: $config, mode: "default") {
    __typename
    ... on PythonError { message }
  }
}
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunTimes:
    """How long a run took from the moment in which it was submitted, in seconds."""

    to_started: float
    to_end: float


class Runner(Protocol):
    """Something that runs what is submitted."""

    @property
    def name(self) -> str:
        """What it is called in the tables."""

    @property
    def jobs(self) -> Collection[str]:
        """What it runs."""

    @property
    def roots(self) -> list[psutil.Process]:
        """Its processes: all that is used for a run is theirs or their children's."""

    def run(self, job: str) -> RunTimes:
        """Submit a run, and wait for its success."""


@dataclass(frozen=True, kw_only=True)
class System:
    """Something that runs jobs, seen through Dagster's GraphQL."""

    name: str
    http: httpx.Client
    path: str
    location: str
    #: See :class:`Runner`.
    roots: list[psutil.Process]
    jobs: Collection[str] = ("one_op", "five_ops", "not_isolated")

    def ask(self, query: str, **variables: object) -> dict[str, Any]:
        """The data of an operation."""
        answer = self.http.post(self.path, json={"query": query, "variables": variables}).json()
        if "errors" in answer:
            raise AssertionError(answer)
        data: dict[str, Any] = answer["data"]
        return data

    def launch(self, job: str) -> str:
        """Submit a run; its id."""
        parameters = {"selector": self._selector(job, "jobName"), "runConfigData": {}}
        launched = self.ask(documents.LAUNCH, parameters=parameters)["launchRun"]
        if launched["__typename"] != "LaunchRunSuccess":
            raise AssertionError(launched)
        run_id: str = launched["run"]["runId"]
        return run_id

    def run(self, job: str) -> RunTimes:
        """Submit a run, and wait for its success."""
        begin = time.time()
        found = self.ended(self.launch(job))
        return RunTimes(to_started=found["startTime"] - begin, to_end=found["endTime"] - begin)

    def ended(self, run_id: str) -> Mapping[str, Any]:
        """A run that has succeeded, with its times in seconds since 1970."""

        def probe() -> Mapping[str, Any] | None:
            found: Mapping[str, Any] = self.ask(_TIMES, runId=run_id)["runOrError"]
            if found["status"] in {"FAILURE", "CANCELED"}:
                raise AssertionError(found)
            return found if found["status"] == "SUCCESS" else None

        found = eventually(probe, PATIENCE, f"the success of run {run_id} of {self.name}")
        assert found is not None  # noqa: S101 - `eventually` gives no other
        return found

    def plan(self, job: str) -> float:
        """The seconds in which an execution plan is answered that nobody has asked for before."""
        config = {"loggers": {"console": {"config": {"name": uuid4().hex}}}}
        begin = time.perf_counter()
        answer = self.ask(_PLAN, pipeline=self._selector(job, "pipelineName"), config=config)
        seconds = time.perf_counter() - begin
        if answer["executionPlanOrError"]["__typename"] != "ExecutionPlan":
            raise AssertionError(answer)
        return seconds

    def _selector(self, job: str, name: str) -> dict[str, str]:
        return {
            "repositoryName": "__repository__",
            "repositoryLocationName": self.location,
            name: job,
        }


@contextmanager
def plain_dagster(folder: Path, *, database: str | None = None) -> Iterator[System]:
    """Open-source Dagster: web server, daemon and code server, with our dequeue interval."""
    home = folder / "home"
    home.mkdir(parents=True)
    code, web = free_port(), free_port()
    (home / "dagster.yaml").write_text(json.dumps(_instance(database)), encoding="utf-8")
    server = {"host": "127.0.0.1", "port": code, "location_name": MODULE}
    workspace = folder / "workspace.yaml"
    workspace.write_text(json.dumps({"load_from": [{"grpc_server": server}]}), encoding="utf-8")
    own = own_environment()
    variables = own.variables(DAGSTER_HOME=str(home), DAGSTER_DISABLE_TELEMETRY="1")
    at = ("-h", "127.0.0.1", "-p")
    commands: Mapping[str, Sequence[str | Path]] = {
        "code": ("dagster", "code-server", "start", *at, str(code), "-m", MODULE, "-d", USER_CODE),
        "web": ("dagster-webserver", *at, str(web), "-w", workspace),
        "daemon": ("dagster-daemon", "run", "-w", workspace),
    }
    with ExitStack() as stack:
        children = []
        for name, (program, *arguments) in commands.items():
            command = [own.program(str(program)), *arguments]
            log = folder / f"{name}.log"
            children.append(
                stack.enter_context(ChildProcess(command, log=log, env=variables, cwd=folder))
            )
            if name == "code":
                children[0].wait_for_log("Started Dagster code server", PATIENCE)
        url = f"http://127.0.0.1:{web}"
        http = stack.enter_context(httpx.Client(base_url=url, timeout=60, trust_env=False))
        eventually(
            lambda: http.get("/server_info").is_success,
            PATIENCE,
            "open-source Dagster",
            retry_on=(httpx.TransportError,),
        )
        yield System(
            name="plain",
            http=http,
            path="/graphql",
            location=MODULE,
            roots=[psutil.Process(child.pid) for child in children],
        )


def _instance(database: str | None) -> dict[str, object]:
    storage = {"storage": {"postgres": {"postgres_url": database}}} if database else {}
    return {
        "run_coordinator": {
            "module": "dagster._core.run_coordinator",
            "class": "QueuedRunCoordinator",
            "config": {"dequeue_interval_seconds": DEQUEUE_SECONDS},
        },
        "telemetry": {"enabled": False},
        **storage,
    }


@dataclass(frozen=True, kw_only=True)
class Dagstead:
    """A control plane, with its pool and an official process agent as systems."""

    url: str
    token: str
    data: Path
    pool: System
    hybrid: System

    def command(self, *words: str) -> str:
        """What one of our commands prints."""
        return plane_command(*words, *stored_in(self.data))


@contextmanager
def dagstead(folder: Path, *, database: str | None = None) -> Iterator[Dagstead]:
    """``dagstead up``, and an agent on a queue of its own; both have the same code."""
    folder.mkdir(parents=True)
    variables = {"DAGSTEAD_POOL_LOCAL_CODE": "true"}
    if database:
        variables["DAGSTEAD_DATABASE"] = database
    with ExitStack() as stack:
        plane = stack.enter_context(running_plane(folder, variables=variables))
        http = plane.http
        up = psutil.Process(plane.up.pid)
        words = ("token", "create", "--name", "bench", "--kind", "agent", "--queue", QUEUE)
        token = plane_command(
            *words, *stored_in(plane.data), environment={**os.environ, **variables}
        )
        setup = AgentSetup(
            label="bench",
            token=token,
            deployments=[PROD],
            queues=[QUEUE],
            default_queue=False,
            variables={"DAGSTER_CLOUD_AGENT_SLEEP_INTERVAL_SECONDS": "0.1"},
        )
        agent = stack.enter_context(OfficialAgent(plane, own_environment(), setup))
        agent.wait_until_ready()
        code = {"working_directory": str(USER_CODE), "code_source": {"module_name": MODULE}}
        plane.deploy("pool", **code)
        plane.deploy("hybrid", **code, agent_queue=QUEUE)
        for location in ("pool", "hybrid"):
            found = plane.loaded(location)
            if found["__typename"] == "PythonError":
                sys.exit(f"{location} has not loaded: {found}")
        path = f"/{PROD}/graphql"
        yield Dagstead(
            url=plane.url,
            token=plane.token,
            data=plane.data,
            pool=System(name="pool", http=http, path=path, location="pool", roots=[up]),
            hybrid=System(
                name="hybrid",
                http=http,
                path=path,
                location="hybrid",
                roots=[up, psutil.Process(agent.pid)],
            ),
        )
        # Nobody needs its orderly end, which waits for its code server.
        agent.kill()
