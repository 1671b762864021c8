"""Starting programs of the managed pool behind walls that a test chooses."""

from __future__ import annotations

from collections.abc import Sequence

from dagstead.serverless.home import PoolHome
from dagstead.serverless.run_records import WorkerProgram, WorkerStart
from dagstead.serverless.sandbox.limits import ProcessLimits
from dagstead.serverless.sandbox.programs import Owner, Program
from dagstead.serverless.sandbox.sandbox import Sandbox
from dagstead.serverless.sandbox.walls import Walls


def without_walls(home: PoolHome) -> Sandbox:
    """The sandbox of a machine that allows none."""
    return Sandbox(home=home, walls=Walls())


def worker_of(
    command: Sequence[str], *, launch: int = 1, limits: ProcessLimits | None = None
) -> WorkerStart:
    """A run worker of a location of ``prod``."""
    program = Program(command=command, environment={}, limits=limits or ProcessLimits())
    return WorkerStart(
        deployment="prod",
        environment="abc",
        owner=Owner.location("prod", "ml"),
        program=lambda: WorkerProgram(program, token=7),
        launch=launch,
    )
