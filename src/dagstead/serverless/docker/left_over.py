"""Ending the containers of a pool whose agent was killed, when no other will come.

It imports no Dagster: whoever stops the pool has no time for that.
"""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import docker.client
import docker.errors

from dagstead.serverless.docker import labels
from dagstead.serverless.docker.fence import ContainerFence
from dagstead.serverless.home import PoolHome
from dagstead.serverless.shutdown import INTERRUPT_SECONDS, EndingRun, report_all

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_POLL_SECONDS = 0.2
logger = logging.getLogger("dagstead.serverless.runs")


@dataclass(frozen=True, kw_only=True, slots=True)
class ContainerRun:
    """A run whose container is ended."""

    deployment: str
    run_id: str


def end_containers(folder: Path, report: Callable[[EndingRun], None]) -> None:
    """Interrupt runs, kill those that are left after a while, and remove the code servers.

    Args:
        folder: the pool's; nothing happens where its code has never run in containers.
        report: called for every run before that: it writes into the run's log who ends it.
    """
    file = PoolHome(root=folder).docker_name
    if not file.exists():
        return
    pool = file.read_text(encoding="ascii")
    with suppress(OSError):
        ContainerFence(pool=pool, bridge="", port=0).open()
    try:
        _end(pool, report)
    except docker.errors.DockerException as error:
        logger.warning("The pool's containers may go on: Docker does not answer (%s).", error)


def _end(pool: str, report: Callable[[EndingRun], None]) -> None:
    client = docker.client.from_env()
    for server in _running(client, pool, labels.SERVER):
        with suppress(docker.errors.NotFound):
            server.remove(v=True, force=True)
    runs = _running(client, pool, labels.RUN)
    ending = [
        ContainerRun(deployment=each.labels[labels.DEPLOYMENT], run_id=each.labels[labels.RUN])
        for each in runs
    ]
    report_all(ending, report)
    _signal(runs, "SIGINT")
    deadline = time.monotonic() + INTERRUPT_SECONDS
    while (left := _running(client, pool, labels.RUN)) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)  # noqa: TID251 - Docker rings for nobody
    _signal(left, "SIGKILL")


def _running(client: docker.client.DockerClient, pool: str, label: str) -> list[Any]:
    found: list[Any] = client.containers.list(
        filters=labels.wanted(pool, [label]), ignore_removed=True
    )
    return found


def _signal(containers: list[Any], name: str) -> None:
    for each in containers:
        # It may have ended meanwhile.
        with suppress(docker.errors.APIError):
            each.kill(name)
