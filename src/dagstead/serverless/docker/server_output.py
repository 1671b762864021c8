"""What code servers in containers print: Docker keeps it, and the pool follows it."""

from __future__ import annotations

import logging
import struct
import threading
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import docker.errors
from dagster_cloud.workspace.docker.utils import docker_client_from_env

from dagstead.model.text import escaped_line
from dagstead.serverless.docker.daemon import DOCKER_ERRORS

if TYPE_CHECKING:
    from collections.abc import Callable

    from dagstead.serverless.server_logs import LogSender

#: Between two looks at a daemon that is away.
_AWAY_SECONDS = 2.0
#: How long somebody waits for the last lines of a container that has ended.
_LAST_SECONDS = 5.0

#: The letters of a time up to its seconds.
_SECONDS = len("2026-01-02T03:04:05")

logger = logging.getLogger("dagstead.serverless.code")


@dataclass(kw_only=True)
class OutputFollower:
    """Follows the output of every code server, each in a thread."""

    logs: LogSender
    #: Set when the pool is stopping.
    stop: threading.Event
    _threads: dict[str, threading.Thread] = field(default_factory=dict)

    def begin(self, deployment: str, location: str, container: str) -> None:
        """Follow a container that was started just now."""
        thread = threading.Thread(
            target=self._follow,
            args=(deployment, location, container),
            name=f"code-{container[:8]}-output",
            daemon=True,
        )
        self._threads[container] = thread
        self.logs.begin(deployment, location, container)
        thread.start()

    def finish(self, container: str) -> None:
        """Wait until all that a container has printed is read; it has ended, or is ended now."""
        thread = self._threads.get(container)
        if thread is not None:
            thread.join(_LAST_SECONDS)

    def _follow(self, deployment: str, location: str, container: str) -> None:
        def log(line: str) -> None:
            logger.info("[%s:%s] %s", deployment, location, line)
            self.logs.add(container, line)

        printed = _Printed(container, log)
        try:
            while not self.stop.is_set():
                try:
                    if printed.read():
                        break
                except docker.errors.NotFound:
                    break
                except DOCKER_ERRORS:
                    # It is away. What is printed until it is back is kept by Docker.
                    self.stop.wait(_AWAY_SECONDS)
        finally:
            self.logs.end(container)
            self._threads.pop(container, None)


class _Printed:
    """What one container prints, from the line on that was read last."""

    def __init__(self, container: str, log: Callable[[str], None]) -> None:
        self._container = container
        self._log = log
        self._last = ""

    def read(self) -> bool:
        """Read until the container ends, or the daemon closes the connection.

        Returns:
            Whether the container has ended, and everything is read.
        """
        client = docker_client_from_env().api
        # Asked before reading: then the rest is there.
        is_running = client.inspect_container(self._container)["State"]["Running"]
        frames = client.logs(
            self._container,
            stream=True,
            follow=is_running,
            timestamps=True,
            since=self._since(),
        )
        try:
            for frame in frames:
                self._take(frame.decode(errors="replace"))
        except struct.error:
            # The connection broke off in the middle of what stands before a line.
            return False
        return not is_running

    def _take(self, line: str) -> None:
        # Docker's times have as many digits as another, and sort as text.
        moment, _, text = line.partition(" ")
        if moment > self._last:
            self._last = moment
            self._log(escaped_line(text.rstrip()))

    def _since(self) -> int | None:
        if not self._last:
            return None
        return int(datetime.fromisoformat(f"{self._last[:_SECONDS]}+00:00").timestamp())
