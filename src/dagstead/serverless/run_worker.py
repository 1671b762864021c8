"""A run worker of the pool, as its records have it."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field

from dagstead.serverless.processes import ProcessMark
from dagstead.serverless.sandbox.limits import ProcessLimits

#: Instead of the time at which a process started: no process of this machine has it.
OF_ANOTHER_POOL = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class RunWorker:
    """A run worker that this pool started, under any of its agent processes."""

    run_id: str
    deployment: str
    #: The environment it runs in; ``None`` for code that is not from a PEX.
    environment: str | None
    process: ProcessMark
    #: Whether the worker still runs.
    is_alive: bool
    #: ``None`` while it runs, and when nobody was there to see it end. Negative is a signal.
    exit_code: int | None
    #: When termination was first asked for, in seconds since 1970.
    cancelled_at: float | None
    #: Which launch of the run it is the worker of.
    launch: int = 1
    #: The folder of its location among those of the pool's tenants.
    tenant: str = ""
    #: The number of its token; ``None`` for workers that an earlier version started.
    token: int | None = None
    limits: ProcessLimits = field(default_factory=ProcessLimits)
    #: Why the pool has ended it, where it had more than its limits.
    over_limit: str | None = None
    #: Whether it was started just now, and had imported its code before.
    is_warm: bool = False
    name: str = ""

    @property
    def process_name(self) -> str:
        """The name of its process in the sandbox."""
        return self.name or process_name(self.run_id, self.launch)

    def how_it_ended(self) -> str:
        """A sentence on the end of a worker that is not alive."""
        if self.process.started == OF_ANOTHER_POOL:
            return (
                "The run was under way when the backup was taken that this control plane was "
                "restored from. Its worker belongs to the original."
            )
        if self.exit_code is None:
            return (
                f"The run worker (process {self.process.pid}) is gone; the pool's agent was not "
                "there to see it end."
            )
        if self.exit_code >= 0:
            return f"The run worker (process {self.process.pid}) ended with code {self.exit_code}."
        if self.over_limit:
            return f"The run worker (process {self.process.pid}) was ended: {self.over_limit}"
        number = -self.exit_code
        hint = f" {self.limits.perhaps_memory()}" if number == signal.SIGKILL else ""
        return (
            f"The run worker (process {self.process.pid}) was killed by signal {number} "
            f"({signal.strsignal(number)}).{hint}"
        )


def process_name(run_id: str, launch: int) -> str:
    """The name of a worker's process in the sandbox."""
    return f"run-{run_id}-{launch}"
