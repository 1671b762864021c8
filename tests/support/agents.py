"""The unmodified official agent as a child process, running user code as processes."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx
import psutil
from dagster._serdes import deserialize_value
from dagster_cloud.api.dagster_cloud_api import DagsterCloudApiRequest

from dagstead.plane.requests import CHECK_FOR_WORKSPACE_UPDATES, LAUNCH_RUN
from tests.support.environments import Environment
from tests.support.processes import ChildProcess
from tests.support.warm_programs import AGENT, warm_programs

#: The agent logs it when it has read its configuration and begins to poll.
READY_LINE = "Starting Dagster Cloud agent"


@dataclass(frozen=True, kw_only=True)
class AgentSetup:
    """What an agent's ``dagster.yaml`` says, and its environment variables."""

    label: str
    token: str
    deployments: Sequence[str]
    #: Queues by name, besides the default queue.
    queues: Sequence[str] = ()
    default_queue: bool = True
    branch_deployments: bool = False
    #: Files go to signed addresses; else everything comes in one request.
    direct_uploads: bool = False
    #: Run workers ask for their run every ten seconds.
    isolated: bool = False
    variables: Mapping[str, str] = field(default_factory=dict)

    def configuration(self, url: str) -> dict[str, object]:
        """The content of ``dagster.yaml``."""
        return {
            "instance_class": {
                "module": "dagster_cloud.instance",
                "class": "DagsterCloudAgentInstance",
            },
            "dagster_cloud_api": {
                "url": url,
                "agent_token": self.token,
                "deployments": list(self.deployments),
                "agent_label": self.label,
                "branch_deployments": self.branch_deployments,
            },
            "agent_queues": {
                "include_default_queue": self.default_queue,
                "additional_queues": list(self.queues),
            },
            "isolated_agents": {"enabled": self.isolated},
            "user_code_launcher": {
                "module": "dagster_cloud.workspace.user_code_launcher",
                "class": "ProcessUserCodeLauncher",
                "config": {"direct_snapshot_uploads": self.direct_uploads},
            },
        }


class Running(Protocol):
    """A control plane that an agent can work for."""

    @property
    def url(self) -> str:
        """Its address."""

    @property
    def folder(self) -> Path:
        """Receives the homes and logs of agents."""


class OfficialAgent(ChildProcess):
    """One agent. Its code servers and run workers are in its process group, and end with it."""

    def __init__(
        self,
        plane: Running,
        environment: Environment,
        setup: AgentSetup,
        *,
        file: str | None = None,
    ) -> None:
        """Start it in a folder of its own beside the control plane's.

        ``file`` is another content of ``dagster.yaml`` than the setup's.
        """
        self.setup = setup
        home = plane.folder / f"agent-{setup.label}"
        home.mkdir(exist_ok=True)
        # JSON is YAML, and every supported agent reads it.
        configuration = file or json.dumps(setup.configuration(plane.url), indent=2)
        (home / "dagster.yaml").write_text(configuration, encoding="utf-8")
        super().__init__(
            [environment.program("dagster-cloud"), "agent", "run", home],
            log=plane.folder / f"agent-{setup.label}.log",
            env=environment.variables(
                DAGSTER_DISABLE_TELEMETRY="1",
                **setup.variables,
            ),
            cwd=home,
            warm=warm_programs(environment, AGENT),
        )

    def wait_until_ready(self, deadline_seconds: float = 90) -> None:
        """Wait until it has begun its work."""
        self.wait_for_log(READY_LINE, deadline_seconds)

    def kill_alone(self) -> None:
        """End the agent by force and leave its children alone, as the kernel's OOM killer does."""
        self.signal(signal.SIGKILL)
        self.wait(10)

    def run_workers(self) -> list[psutil.Process]:
        """The processes that execute runs, oldest first."""
        found = []
        for process in psutil.process_iter(["pid", "cmdline", "create_time"]):
            command = process.info["cmdline"] or []
            if "execute_run" in command and _group_of(process.pid) == self.pid:
                found.append(process)
        return sorted(found, key=lambda each: each.info["create_time"])


def code_servers(agent: ChildProcess) -> list[psutil.Process]:
    """The code servers of an agent, with what stands around them."""
    found = []
    for child in psutil.Process(agent.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if "grpc" in child.cmdline():
                found.append(child)
    return found


@dataclass(frozen=True, kw_only=True)
class ShortLivedAgent:
    """A stub of an agent, named as such: it takes requests as the official one does, and dies.

    The official agent takes and begins a launch within milliseconds; a test cannot end it between.
    """

    url: str
    setup: AgentSetup

    def take_launch(self) -> str | None:
        """Poll once; the id of the run whose launch it got."""
        requests = self._take()
        launches = [each for each in requests if each["requestApi"] == LAUNCH_RUN]
        if not launches:
            return None
        request = deserialize_value(launches[0]["requestBody"], DagsterCloudApiRequest)
        run_id: str = request.request_args.dagster_run.run_id
        return run_id

    def take_check(self) -> bool:
        """Poll once; whether it got a check for workspace updates."""
        return CHECK_FOR_WORKSPACE_UPDATES in {each["requestApi"] for each in self._take()}

    def begin(self, run_id: str) -> None:
        """Say that it starts the run's worker now."""
        tags = json.dumps({"dagster/agent_id": f"agent {self.setup.label}"})
        self._graphql(_BEGIN, runId=run_id, tags=tags)

    def _take(self) -> list[dict[str, Any]]:
        data = self._graphql(
            _POP, queues=list(self.setup.queues), deployments=list(self.setup.deployments)
        )
        taken: list[dict[str, Any]] = data["userCloudAgent"]["popUserCloudAgentRequests"]
        return taken

    def _graphql(self, query: str, **variables: object) -> dict[str, Any]:
        headers = {
            "Dagster-Cloud-Api-Token": self.setup.token,
            "Dagster-Cloud-Deployment": self.setup.deployments[0],
        }
        answer = httpx.post(
            f"{self.url}/graphql",
            json={"query": query, "variables": variables},
            headers=headers,
            trust_env=False,
            timeout=30,
        ).json()
        if "errors" in answer:
            raise AssertionError(answer)
        data: dict[str, Any] = answer["data"]
        return data


_POP = """
mutation Pop($queues: [String], $deployments: [String!]) {
  userCloudAgent {
    popUserCloudAgentRequests(agentQueues: $queues, forFullDeployments: $deployments) {
      requestApi requestBody
    }
  }
}
"""

_BEGIN = """
mutation Begin($runId: String!, $tags: JSONString!) {
  runs { addRunTags(runId: $runId, jsonNewTags: $tags) { ok } }
}
"""


def _group_of(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None
