"""The launcher's part of the agent's ``dagster.yaml``.

The pool's agent is started from here, so this imports no Dagster: the agent, a process of its own,
does.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagstead.serverless.docker_choice import DockerChoice
from dagstead.serverless.sandbox.limits import ProcessLimits
from dagstead.serverless.sandbox.walls import Level, Walls
from dagstead.serverless.unpacking import Quota

if TYPE_CHECKING:
    from collections.abc import Mapping

_FOLDERS = ("hidden", "machine_read", "machine_written")


@dataclass(frozen=True, kw_only=True, slots=True)
class LauncherConfiguration:
    """How the pool's launcher works. Durations are whole seconds, as ``dagster.yaml`` wants."""

    #: The pool's folder.
    home: Path
    #: Interpreters by version (``3.12``), where ``python3.12`` on the PATH is not the one.
    pythons: Mapping[str, str] = field(default_factory=dict)
    #: Names (or patterns with ``*``) of environment variables that user code may see as well.
    pass_environment: tuple[str, ...] = ()
    #: The umask of user code, whose files may be meant for others; -1 is the agent's own.
    user_code_umask: int = -1
    #: What code runs in, in place of processes of this machine.
    docker: DockerChoice | None = None
    #: The walls that were found for user code.
    walls: Walls = field(default_factory=Walls)
    #: What no code may see: the data folder of the control plane.
    hidden: tuple[Path, ...] = ()
    #: Trees of the machine that user code may read, and those that it may write as well.
    machine_read: tuple[Path, ...] = ()
    machine_written: tuple[Path, ...] = ()
    #: The most that a code server or a run may have; locations may choose less. 0 is no limit.
    memory_mb: int = 0
    processes: int = 0
    cpus: float = 0.0
    #: Whether branch deployments are served where there are no walls around their code.
    branches_without_walls: bool = False
    #: Whether locations without a PEX, but with code on this machine, are run as well.
    allow_local_code: bool = False
    #: How long a code server has to answer once its environment is there.
    server_start_seconds: int = 180
    #: A code server that hears nothing from its agent for this long ends by itself.
    server_orphan_seconds: int = 60
    #: How long unused environments are kept, for a roll-back or a run from a queue.
    keep_unused_seconds: int = 6 * 3600
    #: How long the output of ended run workers is kept.
    keep_runs_seconds: int = 3 * 24 * 3600
    #: How long what steps stored for later steps is kept, beyond that of the newest runs.
    keep_outputs_seconds: int = 30 * 24 * 3600
    keep_output_runs: int = 100
    #: How often run workers are looked at; heartbeats carry the result.
    run_check_seconds: int = 10
    #: A run worker that was interrupted and still runs after this long is killed.
    termination_grace_seconds: int = 60
    #: Whether run workers are stopped together with the agent. Otherwise they go on, and the next
    #: agent of the same folder looks after them.
    stop_runs_on_exit: bool = True
    #: The most processes that have imported the code of a location and wait for its next run.
    warm_workers: int = 4
    #: How many environments are unpacked at one time.
    parallel_unpacks: int = 2
    #: What one PEX file may come to when it is unpacked, in MiB and in files.
    unpacked_mb: int = 16384
    unpacked_files: int = 500_000

    @property
    def allow_branches(self) -> bool:
        """Whether code of branch deployments is run."""
        return (
            self.docker is not None
            or self.branches_without_walls
            or self.walls.level is not Level.NONE
        )

    @property
    def quota(self) -> Quota:
        """What one PEX file may come to when it is unpacked."""
        return Quota(bytes=self.unpacked_mb << 20, files=self.unpacked_files)

    @property
    def limits(self) -> ProcessLimits:
        """The most that a code server or a run may have."""
        return ProcessLimits(
            memory_mb=self.memory_mb or None,
            processes=self.processes or None,
            cpus=self.cpus or None,
        )

    def as_yaml(self) -> dict[str, Any]:
        """The same in the form of ``dagster.yaml``."""
        value = asdict(self)
        return {
            **value,
            "home": str(self.home),
            # As text: its form is not for Dagster's schema.
            "walls": json.dumps(self.walls.as_json()),
            "docker": json.dumps(None if self.docker is None else self.docker.as_json()),
            **{name: [str(path) for path in value[name]] for name in _FOLDERS},
            "pythons": dict(self.pythons),
            "pass_environment": list(self.pass_environment),
        }

    @classmethod
    def from_yaml(cls, value: Mapping[str, Any]) -> LauncherConfiguration:
        """Read what :meth:`as_yaml` wrote, after Dagster checked it against the schema."""
        docker = json.loads(value.get("docker", "null"))
        return cls(
            **{
                **value,
                "docker": None if docker is None else DockerChoice.from_json(docker),
                "home": Path(value["home"]),
                "walls": Walls.from_json(json.loads(value.get("walls", "{}"))),
                **{name: tuple(map(Path, value.get(name, ()))) for name in _FOLDERS},
                "pass_environment": tuple(value.get("pass_environment", ())),
            }
        )
