"""The official agent in a container, which starts containers beside itself."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from dagstead.repository.agents.agent_config import TOKEN_VARIABLE
from dagstead.testing.waiting import eventually
from tests.support.agents import READY_LINE
from tests.support.containers.daemon import SOCKET
from tests.support.containers.docker import Docker, Network
from tests.support.environments import own_environment

AGENT = "in-docker"
QUEUE = "hybrid-queue"

#: What the official launcher puts on each code server.
CODE_SERVER = "dagster_grpc_server"
#: What it puts on the container of each run, with the run's id.
RUN = "dagster/run_id"


class DockerAgent:
    """Use it as a context: it is stopped in order on the way out, with its code servers."""

    def __init__(
        self,
        docker: Docker,
        network: Network,
        *,
        image: str,
        file: Path,
        token: str,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        """Start it; ``file`` is its ``dagster.yaml``."""
        self._docker = docker
        settings = {
            TOKEN_VARIABLE: token,
            "DAGSTER_CLOUD_AGENT_SLEEP_INTERVAL_SECONDS": "0.2",
            **(variables or {}),
        }
        self.container = docker.run(
            *("run", "--detach", f"--network={network.name}"),
            *("--volume", f"{file}:/opt/dagster/app/dagster.yaml:ro"),
            *("--volume", f"{SOCKET}:{SOCKET}", f"--group-add={SOCKET.stat().st_gid}"),
            *(f"--env={name}={value}" for name, value in settings.items()),
            image,
        )

    @property
    def log(self) -> str:
        """What it has said in all its starts."""
        return self._docker.run("logs", self.container, with_errors=True)

    def wait_until_ready(self, starts: int = 1) -> None:
        """Wait until it polls, in its newest start."""
        eventually(lambda: self.log.count(READY_LINE) == starts, 90, "the agent in its container")

    def code_servers(self) -> list[dict[str, Any]]:
        """The containers of code servers, of this agent and of those before it."""
        return self._docker.containers(CODE_SERVER)

    def stop(self) -> None:
        """End it in order: it removes its code servers first."""
        self._docker.run("stop", "--time=90", self.container)

    def kill(self) -> None:
        """End it by force: what it has started stays."""
        self._docker.run("kill", self.container)

    def start(self) -> None:
        """Start it again after its end."""
        self._docker.run("start", self.container)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            error.add_note("\n".join(self.log.splitlines()[-60:]))
        self.stop()


def configuration(folder: Path, url: str, network: Network, queue: str = QUEUE) -> Path:
    """The agent's file, from the command that users have for it."""
    environment = own_environment()
    command = f"agent config --type docker --queue {queue} --label {AGENT} --network {network.name}"
    subprocess.run(
        [environment.program("dagstead"), *command.split(), "--output", folder],
        check=True,
        capture_output=True,
        env=environment.variables(DAGSTER_CLOUD_URL=url),
    )
    return folder / "dagster.yaml"
