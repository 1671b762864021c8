"""The containers of a pool, found by their labels, whichever of its agents started them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import docker.errors
from dagster_cloud.workspace.docker.utils import docker_client_from_env

from dagstead.serverless.docker import labels
from dagstead.serverless.processes import Processes
from dagstead.serverless.sandbox.limits import ProcessLimits

if TYPE_CHECKING:
    from collections.abc import Mapping

#: A container that will not run any more, in Docker's words.
_ENDED = frozenset({"exited", "dead", "removing"})
#: The exit code of a program that a signal has ended, in Docker.
_KILLED = 128 + 9
_MIB = 1 << 20


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
    #: Whether the kernel has ended it, or what it had started, for want of memory.
    is_over_memory: bool
    limits: ProcessLimits

    @property
    def is_killed(self) -> bool:
        """Whether somebody has killed it."""
        return self.exit_code == _KILLED

    def words(self, name: str, when: str = "") -> str:
        """A sentence on it.

        Args:
            name: of the container.
            when: more about the end, such as `` before it answered``.
        """
        if self.is_over_memory:
            return f"{name} was ended{when}: {self.limits.needed_memory()}"
        if self.is_killed:
            # It had not reached its own limit: Docker would have said so.
            return f"{name} was killed{when}. {ProcessLimits().perhaps_memory()}"
        return f"{name} ended with code {self.exit_code}{when}."


@dataclass(frozen=True, slots=True)
class PoolContainers:
    """All of a pool's.

    Every method raises one of :data:`DOCKER_ERRORS` when the daemon is away.
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
            found = docker_client_from_env().api.inspect_container(container)
        except docker.errors.NotFound:
            return None
        state = found["State"]
        if state["Status"] not in _ENDED:
            return None
        return HowItEnded(
            exit_code=state["ExitCode"],
            is_over_memory=state["OOMKilled"],
            limits=ProcessLimits(memory_mb=found["HostConfig"]["Memory"] // _MIB or None),
        )

    def is_there(self, container: str) -> bool:
        """Whether a container was not removed."""
        try:
            docker_client_from_env().api.inspect_container(container)
        except docker.errors.NotFound:
            return False
        return True

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

    def stop(self, container: str) -> None:
        """Ask a container's program to end; by force after Docker's 10 seconds."""
        with suppress(docker.errors.NotFound):
            docker_client_from_env().api.stop(container)

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
