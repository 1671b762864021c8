"""The containers of a pool, found by their labels, whichever of its agents started them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import docker.errors
from dagster_cloud.workspace.docker.utils import docker_client_from_env

from dagstead.serverless.docker import labels
from dagstead.serverless.processes import Processes

if TYPE_CHECKING:
    from collections.abc import Mapping

#: A container that will not run any more, in Docker's words.
_ENDED = frozenset({"exited", "dead", "removing"})


@dataclass(frozen=True, kw_only=True, slots=True)
class PoolContainer:
    """A container as Docker lists it."""

    id: str
    labels: Mapping[str, str]
    has_ended: bool
    #: Seconds since 1970.
    created_at: float

    @property
    def launch(self) -> int:
        """Which launch of its run it is."""
        return int(self.labels.get(labels.LAUNCH, "1"))

    @property
    def token(self) -> int | None:
        """The number of its token."""
        number = self.labels.get(labels.TOKEN)
        return int(number) if number else None


@dataclass(frozen=True, kw_only=True, slots=True)
class HowItEnded:
    """The end of a container."""

    exit_code: int
    #: Whether it had more memory than its limit.
    is_over_memory: bool


@dataclass(frozen=True, slots=True)
class PoolContainers:
    """All of a pool's.

    Every method raises :class:`docker.errors.DockerException` when the daemon is away.
    """

    pool: str

    def servers(
        self, deployment: str | None = None, location: str | None = None
    ) -> list[PoolContainer]:
        """The code servers; of a deployment and a location where they are named."""
        named = {labels.DEPLOYMENT: deployment, labels.LOCATION: location}
        return self._listed(
            labels.SERVER, *(f"{name}={value}" for name, value in named.items() if value)
        )

    def workers(self) -> list[PoolContainer]:
        """The run workers, those that have ended too."""
        return self._listed(labels.RUN)

    def worker_of(self, run_id: str) -> PoolContainer | None:
        """The worker of a run's newest launch."""
        found = self._listed(f"{labels.RUN}={run_id}")
        return max(found, key=lambda each: each.launch, default=None)

    def processes(self) -> Processes:
        """The tokens of those that run, and of those that have ended."""
        held = {each.token: each.has_ended for each in self._listed() if each.token is not None}
        running = frozenset(token for token, has_ended in held.items() if not has_ended)
        return Processes(running=running, ended=frozenset(held.keys() - running))

    def how_it_ended(self, container: str) -> HowItEnded | None:
        """The end of a container; ``None`` while it runs, and when it is gone."""
        try:
            state = docker_client_from_env().api.inspect_container(container)["State"]
        except docker.errors.NotFound:
            return None
        if state["Status"] not in _ENDED:
            return None
        return HowItEnded(exit_code=state["ExitCode"], is_over_memory=state["OOMKilled"])

    def last_output(self, container: str, lines: int) -> str:
        """The last lines that a container wrote; empty when it is gone."""
        try:
            output: bytes = docker_client_from_env().api.logs(container, tail=lines)
        except docker.errors.NotFound:
            return ""
        return output.decode(errors="replace")

    def signal(self, container: str, name: str) -> None:
        """Send a signal to a container's program; nothing happens when it has ended."""
        try:
            docker_client_from_env().api.kill(container, name)
        except docker.errors.APIError as error:
            if not _has_ended_already(error):
                raise

    def remove(self, container: str) -> None:
        """End a container by force and remove it; nothing happens when it is gone."""
        try:
            docker_client_from_env().api.remove_container(container, v=True, force=True)
        except docker.errors.NotFound:
            return

    def _listed(self, *names: str) -> list[PoolContainer]:
        listed: list[dict[str, Any]] = docker_client_from_env().api.containers(
            all=True, filters=labels.wanted(self.pool, names)
        )
        return [
            PoolContainer(
                id=each["Id"],
                labels=each["Labels"] or {},
                has_ended=each["State"] in _ENDED,
                created_at=each["Created"],
            )
            for each in listed
        ]


def _has_ended_already(error: docker.errors.APIError) -> bool:
    # Docker answers 409 for a container that does not run.
    return error.status_code in {404, 409}
