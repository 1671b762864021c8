"""What Dagster checks the launcher's part of ``dagster.yaml`` against."""

from __future__ import annotations

from typing import Any

from dagster import Array, BoolSource, Field, Float, IntSource, Map, StringSource
from dagster_cloud.workspace.user_code_launcher.user_code_launcher import (
    SHARED_USER_CODE_LAUNCHER_CONFIG,
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
            "user_code_umask": _optional(IntSource),
            "docker": _optional(StringSource),
            "walls": _optional(StringSource),
            "hidden": _optional(Array(str)),
            "machine_read": _optional(Array(str)),
            "machine_written": _optional(Array(str)),
            "memory_mb": _optional(IntSource),
            "processes": _optional(IntSource),
            "cpus": _optional(Float),
            "branches_without_walls": _optional(BoolSource),
            "allow_local_code": _optional(BoolSource),
            "server_start_seconds": _optional(IntSource),
            "server_orphan_seconds": _optional(IntSource),
            "keep_unused_seconds": _optional(IntSource),
            "keep_runs_seconds": _optional(IntSource),
            "keep_outputs_seconds": _optional(IntSource),
            "keep_output_runs": _optional(IntSource),
            "run_check_seconds": _optional(IntSource),
            "termination_grace_seconds": _optional(IntSource),
            "stop_runs_on_exit": _optional(BoolSource),
            "warm_workers": _optional(IntSource),
            "parallel_unpacks": _optional(IntSource),
            "unpacked_mb": _optional(IntSource),
            "unpacked_files": _optional(IntSource),
        }
    ),
    **SHARED_USER_CODE_LAUNCHER_CONFIG,
}
