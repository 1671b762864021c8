"""``dagstead pool``: becomes the managed pool's agent."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
from collections.abc import Mapping

from dagstead.server.first_start import new_pool_secret
from dagstead.server.private_files import UMASK_VARIABLE
from dagstead.server.services import control_of, make_data_folder, opened_store
from dagstead.server.settings import Settings
from dagstead.server.shutdown import LIFELINE_VARIABLE
from dagstead.serverless.agent_home import PoolSettings, pool_command
from dagstead.serverless.configuration import LauncherConfiguration

logger = logging.getLogger(__name__)

#: The pool's agent token, where another process made it. Never an argument: those can be seen by
#: every user of the machine.
POOL_TOKEN_VARIABLE = "DAGSTEAD_POOL_TOKEN"  # noqa: S105 - the name of a variable

#: ``prctl``'s PR_SET_PDEATHSIG (linux/prctl.h).
_SET_PARENT_DEATH_SIGNAL = 1


def run_pool(settings: Settings, environment: Mapping[str, str]) -> None:
    """Replace this process by the agent, which ends on SIGTERM.

    Args:
        settings: in force.
        environment: this process's own, of which only a safe part is handed on.

    Raises:
        ConfigurationError: when the pool's folder cannot be used.
    """
    make_data_folder(settings.data)
    command = pool_command(
        PoolSettings(
            launcher=LauncherConfiguration(
                home=settings.data / "pool",
                allow_local_code=settings.pool_local_code,
                server_start_seconds=settings.pool_start_seconds,
                # Nobody sweeps where the setting says so.
                keep_outputs_seconds=int(settings.retention.seconds) if settings.sweep_hours else 0,
                keep_output_runs=settings.keep_runs,
                unpacked_mb=settings.pool_unpacked_mb,
                unpacked_files=settings.pool_unpacked_files,
                user_code_umask=int(environment.get(UMASK_VARIABLE, "-1"), base=8),
            ),
            url=settings.base_url,
            token=environment.get(POOL_TOKEN_VARIABLE) or _own_token(settings),
            request_threads=settings.pool_threads,
        ),
        environment,
    )
    if environment.get(LIFELINE_VARIABLE):
        _end_with_supervisor()
    logger.info("Starting the managed pool's agent for %s", settings.base_url)
    os.chdir(command.folder)
    os.execve(command.arguments[0], command.arguments, dict(command.environment))  # noqa: S606


def _own_token(settings: Settings) -> str:
    with opened_store(settings) as store, control_of(settings, store) as control:
        return new_pool_secret(control, settings.organization)


def _end_with_supervisor() -> None:
    """Have the kernel end the agent when the supervisor is gone: an agent watches no pipe.

    At SIGTERM it would end its runs, as when somebody asks it to stop. Killed, it leaves them
    alone, and the next agent adopts them.
    """
    with open(os.devnull) as nothing:  # noqa: PTH123 - a descriptor is wanted
        os.dup2(nothing.fileno(), sys.stdin.fileno())
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
