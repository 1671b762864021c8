"""Waiting until the code server in a new container answers, or it is known that it never will."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dagstead.errors import ContainerError, LoadInterruptedError
from dagstead.serverless.docker.daemon import DOCKER_ERRORS, advice_on_full_disk, answers
from dagstead.serverless.docker.image_problems import problem_of

if TYPE_CHECKING:
    from dagster._grpc.client import DagsterGrpcClient

    from dagstead.serverless.docker.containers import HowItEnded, PoolContainers

_POLL_SECONDS = 0.25
_REMOVAL_SECONDS = 1.0
_AWAY_SECONDS = 15.0
_TAIL_LINES = 40
_NAME = "Its code server"
_LOADED_AGAIN = (
    "Look at the daemon of the pool's machine; the location is loaded again when it is back."
)


@dataclass(kw_only=True)
class FirstAnswer:
    """Waits for one code server."""

    containers: PoolContainers
    container: str
    #: The container's.
    image: str
    #: How long it has to answer.
    seconds: int
    #: When the daemon was first found away. It ends its containers when it stops, or starts again.
    _away_since: float | None = None

    async def wait(self, client: DagsterGrpcClient) -> None:
        """Wait for it.

        Raises:
            ContainerError: it ended, or time ran out.
            LoadInterruptedError: the same, and it was not the code that failed.
        """
        deadline = time.monotonic() + self.seconds
        while True:
            try:
                await asyncio.to_thread(client.ping, "")
            except Exception as error:  # noqa: BLE001 - whatever it is, there was no answer
                await asyncio.to_thread(self._look, deadline, error)
            else:
                return
            await asyncio.sleep(_POLL_SECONDS)

    def _look(self, deadline: float, error: Exception) -> None:
        now = time.monotonic()
        try:
            self._raise_if_over(error, is_late=now > deadline)
        except DOCKER_ERRORS as away:
            # Its containers may run on without it: they get a while.
            self._away_since = self._away_since or now
            if now > min(deadline, self._away_since + _AWAY_SECONDS):
                raise LoadInterruptedError(_away(away)) from away

    def _raise_if_over(self, error: Exception, *, is_late: bool) -> None:
        end = self.containers.how_it_ended(self.container)
        if self._is_removed(end):
            raise LoadInterruptedError(
                "The container of its code server is gone: somebody has removed it. It is loaded "
                "again."
            ) from error
        if end is not None and self._away_since is not None:
            raise LoadInterruptedError(
                "Docker was stopped or started again meanwhile, and its code server ended. It is "
                "loaded again."
            ) from error
        if end is not None:
            reason = end.words(_NAME, " before it answered")
            is_forced = end.is_over_memory or end.is_killed
            raise self._with_output(reason, about_image=not is_forced) from error
        if is_late:
            reason = (
                f"{_NAME} gave no answer for {self.seconds} seconds. If it needs longer to start, "
                "raise DAGSTEAD_POOL_START_SECONDS and start the pool again."
            )
            raise self._with_output(reason, about_image=True) from error

    def _is_removed(self, end: HowItEnded | None) -> bool:
        if end is not None and not end.is_killed:
            return False
        if end is not None:
            # Docker kills what it is told to remove by force, and removes it a moment later.
            time.sleep(_REMOVAL_SECONDS)  # noqa: TID251 - and nothing says that it will
        return not self.containers.is_there(self.container)

    def end_in_a_question(self) -> ContainerError | None:
        """Why the server that had answered ended while it was asked; ``None`` while it runs."""
        try:
            end = self.containers.how_it_ended(self.container)
            if end is None:
                return None
            return self._with_output(end.words(_NAME, " while it listed its definitions"))
        except DOCKER_ERRORS as away:
            return LoadInterruptedError(_away(away))

    def _with_output(self, reason: str, *, about_image: bool = False) -> ContainerError:
        said = self.containers.last_output(self.container, _TAIL_LINES)
        problem = problem_of(self.image, said) if about_image else None
        reason = f"{reason} {problem}" if problem else reason
        return ContainerError(f"{reason} Its last lines:\n{said}")


def _away(error: Exception) -> str:
    return f"Docker does not answer: {error}. {_LOADED_AGAIN}"


def not_started(error: Exception, image: str | None = None) -> ContainerError:
    """Why Docker did not start a code server: it refused, or it is away.

    Args:
        error: Docker's.
        image: of its container, where it came that far.
    """
    if not answers():
        return LoadInterruptedError(_away(error))
    problem = problem_of(image, str(error)) if image else None
    full = advice_on_full_disk(str(error))
    failed = f"Docker did not start its code server: {error}."
    return ContainerError(problem or (f"{failed} {full}" if full else failed))
