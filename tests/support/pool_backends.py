"""What tests know of the backends of the managed pool, where these differ."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol

import psutil

#: It has the environments of official agents, too.
_REPOSITORY = Path(__file__).parents[2]


class Backend(Protocol):
    """Runs the code of a pool."""

    @property
    def packages(self) -> Path | None:
        """The Dagster that PEX files of tests borrow; None is that of the tests."""

    @property
    def started(self) -> str:
        """A pattern of what a run's log says when a worker of its own was started."""

    @property
    def killed(self) -> str:
        """What the log of a run says whose worker was killed."""

    @property
    def killed_unseen(self) -> str:
        """The same when there was no agent at that time."""

    def variables(self, folder: Path) -> Mapping[str, str]:
        """What the settings of a control plane in a folder are."""

    def gates(self, folder: Path, deployment: str) -> Path:
        """Where runs of a deployment look for what they wait for."""

    def gates_for_code(self, folder: Path) -> str:
        """The same folder, by the name that user code has for it."""

    def user_code(self, folder: Path) -> Iterable[psutil.Process]:
        """Processes of the pool in this folder that are not known by their commands."""


class Processes:
    """Code servers and runs are processes of this machine, behind walls."""

    packages: Path | None = None
    started = r"Started the run worker: process \d+ of the managed pool"
    killed = "was killed by signal 9"
    killed_unseen = "the pool's agent was not there to see it end"

    def variables(self, folder: Path) -> Mapping[str, str]:
        """Code may read the Dagster that it borrows, and where it waits."""
        gates = self.gates(folder, "")
        return {
            "DAGSTEAD_POOL_READ": f"{sys.prefix}:{_REPOSITORY}:{gates}",
            "DAGSTEAD_SECRET_GATES": self.gates_for_code(folder),
        }

    def gates(self, folder: Path, deployment: str) -> Path:  # noqa: ARG002 - one for all
        """A folder beside the data folder."""
        return folder / "gates"

    def gates_for_code(self, folder: Path) -> str:
        """The same: code sees this machine's folders."""
        return str(self.gates(folder, ""))

    def user_code(self, folder: Path) -> Iterable[psutil.Process]:  # noqa: ARG002 - there are none
        """None: their commands name the pool's folder."""
        return ()
