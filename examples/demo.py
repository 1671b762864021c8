"""Deploys the mixed example and runs one job of each location, each on the agent of its queue.

Everything is real and local: a control plane with its managed pool, a second official agent that
serves only ``hybrid-queue``, and the official CLI. Run it with ``make demo``; ``make demo STAY=1``
leaves everything up until Ctrl-C.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import httpx
from demo_programs import (
    HOME,
    ROOT,
    DemoError,
    child,
    cli,
    console,
    ended_early,
    free_port,
    git,
    log,
    step,
    token,
)
from rich.live import Live
from rich.table import Table

PROJECT = ROOT / "examples" / "monorepo"

DEPLOYMENT = "prod"
HYBRID_QUEUE = "hybrid-queue"
ORGANIZATION = "dagstead"

UP_SECONDS = 180.0
DEPLOY_SECONDS = 600
RUN_SECONDS = 300.0

AGENT_YAML = """\
instance_class:
  module: dagster_cloud
  class: DagsterCloudAgentInstance
dagster_cloud_api:
  url: {url}
  agent_token:
    env: DEMO_AGENT_TOKEN
  agent_label: hybrid agent
  deployment: {deployment}
agent_queues:
  include_default_queue: false
  additional_queues: [{queue}]
user_code_launcher:
  module: dagster_cloud.workspace.user_code_launcher
  class: ProcessUserCodeLauncher
"""

LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on InvalidSubsetError { message }
    ... on PipelineNotFoundError { message }
    ... on RunConfigValidationInvalid { errors { message } }
  }
}
"""

STATUS = """
query Status($runId: ID!) {
  runOrError(runId: $runId) {
    ... on Run { status startTime endTime tags { key value } }
  }
}
"""

AGENTS = "query Agents { agents { status agentLabel } }"


@dataclass(frozen=True)
class Expected:
    """A location of the example, and who has to run it."""

    location: str
    kind: str
    queue: str
    agent: str
    job: str
    partition: str


EXPECTED = (
    Expected("weather", "serverless", "(default queue)", "managed pool", "climate_job", "2012"),
    Expected(
        "digits", "hybrid", HYBRID_QUEUE, "hybrid agent", "training_job", "logistic_regression"
    ),
)


@dataclass
class Run:
    """A launched run, as it was last seen."""

    expected: Expected
    run_id: str
    status: str = "QUEUED"
    agent: str = ""
    seconds: float | None = None

    @property
    def is_finished(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status in {"SUCCESS", "FAILURE", "CANCELED"}

    @property
    def is_good(self) -> bool:
        """Whether it succeeded, on the agent that its queue names."""
        return self.status == "SUCCESS" and self.agent == self.expected.agent


@dataclass(frozen=True)
class ControlPlane:
    """The running server, called with a user token."""

    url: str
    token: str = field(repr=False)

    def ask(self, query: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """One GraphQL call to the deployment."""
        answer = httpx.post(
            f"{self.url}/{DEPLOYMENT}/graphql",
            json={"query": query, "variables": variables or {}},
            headers={"Dagster-Cloud-Api-Token": self.token},
            timeout=90,
        )
        body = answer.json()
        if "errors" in body:
            raise DemoError(f"The control plane answered: {body['errors'][0]['message']}")
        data: dict[str, Any] = body["data"]
        return data

    def launch(self, expected: Expected) -> Run:
        """Launch the location's job for its partition."""
        params = {
            "selector": {
                "repositoryLocationName": expected.location,
                "repositoryName": "__repository__",
                "jobName": expected.job,
            },
            "runConfigData": {},
            "executionMetadata": {
                "tags": [{"key": "dagster/partition", "value": expected.partition}]
            },
        }
        result = self.ask(LAUNCH, {"params": params})["launchRun"]
        if result["__typename"] != "LaunchRunSuccess":
            raise DemoError(f"{expected.location}: {result}")
        return Run(expected, result["run"]["runId"])

    def refresh(self, run: Run) -> None:
        """Look at a run again."""
        found = self.ask(STATUS, {"runId": run.run_id})["runOrError"]
        tags = {tag["key"]: tag["value"] for tag in found["tags"]}
        run.status = found["status"]
        run.agent = tags.get("dagster/agent_label", "")
        if found["startTime"]:
            run.seconds = (found["endTime"] or time.time()) - found["startTime"]


def main() -> int:
    """Run the demo; 0 if every run succeeded on the right agent."""
    signal.signal(signal.SIGTERM, _interrupt)
    started = time.monotonic()
    try:
        with ExitStack() as stack:
            plane = start(stack)
            deploy(plane)
            runs = run_all(plane)
            console.print(table(runs))
            good = all(run.is_good for run in runs)
            console.print(verdict(runs, time.monotonic() - started))
            if os.environ.get("STAY", "0") not in {"", "0"}:
                stay(plane)
            return 0 if good else 1
    except DemoError as error:
        console.print(f"[bold red]The demo failed.[/] {error}", soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        return 130


def start(stack: ExitStack) -> ControlPlane:
    """Start the control plane and the hybrid agent; they stop with ``stack``."""
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir()
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    step("Starting the control plane", f"dagstead up --data .demo/data --port {port}")
    up = stack.enter_context(
        child("control-plane", "dagstead", "up", "--data", str(HOME / "data"), "--port", str(port))
    )
    wait_until_healthy(url, up)
    plane = ControlPlane(url, token("demo", "--kind", "user"))
    step("Starting a hybrid agent", f"dagster-cloud agent run  # serves only {HYBRID_QUEUE}")
    home = HOME / "agent"
    home.mkdir()
    home.joinpath("dagster.yaml").write_text(
        AGENT_YAML.format(url=url, deployment=DEPLOYMENT, queue=HYBRID_QUEUE)
    )
    secret = token("hybrid", "--kind", "agent", "--queue", HYBRID_QUEUE)
    agent = stack.enter_context(
        child(
            "hybrid-agent",
            "dagster-cloud",
            "agent",
            "run",
            str(home),
            # The image would bring the code; a process agent finds it in the repository.
            PYTHONPATH=str(PROJECT / "digits" / "src"),
            DEMO_AGENT_TOKEN=secret,
        )
    )
    wait_for_agents(plane, {"hybrid-agent": agent, "control-plane": up})
    return plane


def deploy(plane: ControlPlane) -> None:
    """Build and deploy both locations with the official CLI."""
    environment = {
        "DAGSTER_CLOUD_URL": plane.url,
        "DAGSTER_CLOUD_ORGANIZATION": ORGANIZATION,
        "DAGSTER_CLOUD_DEPLOYMENT": DEPLOYMENT,
        "DAGSTER_CLOUD_API_TOKEN": plane.token,
        "DAGSTER_BUILD_STATEDIR": str(HOME / "build"),
    }
    step("Deploying the serverless location as PEX files", "")
    session = ("--project-dir", str(PROJECT), "--deployment", DEPLOYMENT)
    cli(environment, "ci", "init", *session, "--location-name", "weather", *git())
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    built = ("--build-strategy", "python-executable", "--python-version", python)
    cli(environment, "ci", "build", *built)
    cli(environment, "ci", "deploy", "--location-load-timeout", str(DEPLOY_SECONDS))
    step("Deploying the hybrid location, whose code the agent has", "")
    # With a Docker agent this would be `ci set-build-output --image-tag` and `ci deploy`. An agent
    # that starts processes takes no images, so the location is added without one.
    file = str(PROJECT / "dagster_cloud.yaml")
    timeout = ("--location-load-timeout", str(DEPLOY_SECONDS))
    cli(environment, "workspace", "add-location", "digits", "--location-file", file, *timeout)


def run_all(plane: ControlPlane) -> list[Run]:
    """Launch one run a location and wait for all, showing how far they are."""
    step("Running one job of each location", "launchRun  # over GraphQL")
    runs = [plane.launch(expected) for expected in EXPECTED]
    deadline = time.monotonic() + RUN_SECONDS
    pause = threading.Event()
    with Live(table(runs), console=console, transient=True) as live:
        while not all(run.is_finished for run in runs) and time.monotonic() < deadline:
            for run in runs:
                plane.refresh(run)
            live.update(table(runs))
            pause.wait(0.5)
    return runs


def table(runs: list[Run]) -> Table:
    """What ran where."""
    # It fits into 80 columns.
    made = Table(box=None, padding=(0, 1, 0, 0))
    for title in ("location", "type", "queue", "agent", "run", "status", "seconds"):
        made.add_column(title, no_wrap=True)
    for run in runs:
        color = {"SUCCESS": "green", "FAILURE": "red", "CANCELED": "red"}.get(run.status, "yellow")
        made.add_row(
            run.expected.location,
            run.expected.kind,
            run.expected.queue,
            run.agent or "…",
            run.run_id[:8],
            f"[{color}]{run.status}[/]",
            "" if run.seconds is None else f"{run.seconds:.1f}",
        )
    return made


def verdict(runs: list[Run], seconds: float) -> str:
    """One line about all of it."""
    lines = [
        f"{run.expected.location}: ran on {run.agent or 'no agent'}, not on {run.expected.agent}."
        if run.agent != run.expected.agent
        else f"{run.expected.location}: the run ended as {run.status}."
        for run in runs
        if not run.is_good
    ]
    if lines:
        return "\n".join(["[bold red]Not as it should be.[/]", *lines, "Logs: .demo/*.log"])
    return f"[bold green]Both locations ran, each on its own agent.[/] {seconds:.0f} s in all."


def stay(plane: ControlPlane) -> None:
    """Keep everything up until Ctrl-C."""
    console.print(
        f"\nThe console: {plane.url}/sign-in#token={plane.token} (then press the button)\n"
        "Ctrl-C stops the control plane and the agent.",
        soft_wrap=True,
        highlight=False,
    )
    threading.Event().wait()


def wait_until_healthy(url: str, process: subprocess.Popen[bytes]) -> None:
    """Wait for ``/health``."""
    deadline = time.monotonic() + UP_SECONDS
    pause = threading.Event()
    while time.monotonic() < deadline:
        ended_early("control-plane", process)
        try:
            if httpx.get(f"{url}/health", timeout=5).is_success:
                return
        except httpx.HTTPError:
            pass
        pause.wait(0.5)
    raise DemoError(f"No answer from {url}/health in {UP_SECONDS:.0f} s.\n{log('control-plane')}")


def wait_for_agents(plane: ControlPlane, processes: Mapping[str, subprocess.Popen[bytes]]) -> None:
    """Wait until both agents have sent a heartbeat."""
    wanted = {expected.agent for expected in EXPECTED}
    deadline = time.monotonic() + UP_SECONDS
    pause = threading.Event()
    while time.monotonic() < deadline:
        for name, process in processes.items():
            ended_early(name, process)
        agents = plane.ask(AGENTS)["agents"]
        if wanted <= {agent["agentLabel"] for agent in agents if agent["status"] == "RUNNING"}:
            return
        pause.wait(0.5)
    raise DemoError(f"The agents did not report in {UP_SECONDS:.0f} s.\n{log('hybrid-agent')}")


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
