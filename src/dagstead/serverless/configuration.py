"""The launcher's part of the agent's ``dagster.yaml``."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagster import Array, BoolSource, Field, IntSource, Map, StringSource
from dagster_cloud.workspace.user_code_launcher.user_code_launcher import (
    SHARED_USER_CODE_LAUNCHER_CONFIG,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True, slots=True)
class LauncherConfiguration:
    """How the pool's launcher works. Durations are whole seconds, as ``dagster.yaml`` wants."""

    #: The pool's folder.
    home: Path
    #: Interpreters by version (``3.12``), where ``python3.12`` on the PATH is not the one.
    pythons: Mapping[str, str] = field(default_factory=dict)
    #: Names (or patterns with ``*``) of environment variables that user code may see as well.
    pass_environment: tuple[str, ...] = ()
    #: Whether locations without a PEX, but with code on this machine, are run as well.
    allow_local_code: bool = False
    #: How long a code server has to answer once its environment is there.
    server_start_seconds: int = 180
    #: A code server that hears nothing from its agent for so long ends by itself.
    server_orphan_seconds: int = 60
    #: How long unused environments are kept, for a roll-back or a run from a queue.
    keep_unused_seconds: int = 6 * 3600
    #: How long the output of ended run workers is kept.
    keep_runs_seconds: int = 3 * 24 * 3600
    #: How often run workers are looked at; heartbeats carry the result.
    run_check_seconds: int = 10
    #: A run worker that was interrupted and still runs after so long is killed.
    termination_grace_seconds: int = 60
    #: Whether run workers are stopped together with the agent. Otherwise they go on, and the next
    #: agent of the same folder looks after them.
    stop_runs_on_exit: bool = True
    #: How many environments are unpacked at one time.
    parallel_unpacks: int = 2

    def as_yaml(self) -> dict[str, Any]:
        """The same in the form of ``dagster.yaml``."""
        value = asdict(self)
        return {
            **value,
            "home": str(self.home),
            "pythons": dict(self.pythons),
            "pass_environment": list(self.pass_environment),
        }

    @classmethod
    def from_yaml(cls, value: Mapping[str, Any]) -> LauncherConfiguration:
        """Read what :meth:`as_yaml` wrote, after Dagster checked it against the schema."""
        return cls(
            **{
                **value,
                "home": Path(value["home"]),
                "pass_environment": tuple(value.get("pass_environment", ())),
            }
        )


def _optional(config_type: Any) -> Field:
    return Field(config_type, is_required=False)


#: The schema of ``user_code_launcher.config``: ours under ``pool``, and the official agent's own.
CONFIG_TYPE: dict[str, Any] = {
    "pool": Field(
        {
            "home": StringSource,
            "pythons": _optional(Map(str, str)),  # type: ignore[no-untyped-call]
            "pass_environment": _optional(Array(str)),
            "allow_local_code": _optional(BoolSource),
            "server_start_seconds": _optional(IntSource),
            "server_orphan_seconds": _optional(IntSource),
            "keep_unused_seconds": _optional(IntSource),
            "keep_runs_seconds": _optional(IntSource),
            "run_check_seconds": _optional(IntSource),
            "termination_grace_seconds": _optional(IntSource),
            "stop_runs_on_exit": _optional(BoolSource),
            "parallel_unpacks": _optional(IntSource),
        }
    ),
    **SHARED_USER_CODE_LAUNCHER_CONFIG,
}
