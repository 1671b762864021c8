"""``dagstead pool``: becomes the managed pool's agent."""

from __future__ import annotations

import ctypes
import json
import logging
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from dagstead.errors import ConfigurationError
from dagstead.plane.tokens import TokenKind
from dagstead.server.first_start import new_pool_secret
from dagstead.server.logs import AgentFormatter
from dagstead.server.private_files import UMASK_VARIABLE
from dagstead.server.services import control_of, make_data_folder, opened_store
from dagstead.server.settings import Settings
from dagstead.server.shutdown import LIFELINE_VARIABLE
from dagstead.serverless.agent_home import PoolSettings, pool_command
from dagstead.serverless.configuration import LauncherConfiguration
from dagstead.serverless.docker_choice import DockerChoice
from dagstead.serverless.home import PoolHome
from dagstead.serverless.sandbox.trial import WallsChoice, found_walls
from dagstead.serverless.sandbox.user_numbers import parsed_range
from dagstead.serverless.sandbox.walls import Walls

logger = logging.getLogger(__name__)

#: The pool's token, where another process made it. Never an argument: those can be seen by
#: every user of the machine.
POOL_TOKEN_VARIABLE = "DAGSTEAD_POOL_TOKEN"  # noqa: S105 - the name of a variable

#: The walls that ``dagstead up`` has found.
_WALLS_VARIABLE = "DAGSTEAD_WALLS"

#: ``prctl``'s PR_SET_PDEATHSIG (linux/prctl.h).
_SET_PARENT_DEATH_SIGNAL = 1


def run_pool(settings: Settings, environment: Mapping[str, str]) -> None:
    """Replace this process by the agent, which ends on SIGTERM.

    Args:
        settings: in force.
        environment: this process's own, of which only a safe part is handed on.

    Raises:
        ConfigurationError: when the pool's folder, or the token that it is given, cannot be used.
    """
    make_data_folder(settings.data)
    docker = _docker_of_pool(settings)
    walls = _walls_in_force(settings, environment) if docker is None else Walls()
    command = pool_command(
        PoolSettings(
            launcher=LauncherConfiguration(
                home=settings.data / "pool",
                docker=docker,
                walls=walls,
                hidden=_hidden(settings, environment),
                machine_read=_paths(settings.pool_read),
                machine_written=_paths(settings.pool_write),
                memory_mb=settings.pool_memory_mb,
                processes=settings.pool_processes,
                cpus=settings.pool_cpus,
                warm_workers=settings.pool_warm_workers,
                branches_without_walls=settings.pool_unwalled_branches,
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
            token=_given_token(environment) or _own_token(settings),
            branch_server_seconds=settings.pool_branch_idle_seconds,
            serves=settings.pool_serves,
            request_threads=settings.pool_threads,
            log_formatter=f"{AgentFormatter.__module__}.{AgentFormatter.__qualname__}",
        ),
        environment,
    )
    if environment.get(LIFELINE_VARIABLE):
        _end_with_supervisor()
    logger.info("Starting the managed pool's agent for %s", settings.base_url)
    os.chdir(command.folder)
    os.execve(command.arguments[0], command.arguments, dict(command.environment))  # noqa: S606


def _docker_of_pool(settings: Settings) -> DockerChoice | None:
    if settings.pool_backend != "docker":
        return None
    try:
        from dagstead.serverless.docker.network import WantedDocker, settled  # noqa: PLC0415
    except ModuleNotFoundError as error:
        msg = (
            f"The managed pool is to run its code in containers (setting pool_backend), and "
            f"{error.name} is not installed: `pip install 'dagstead[docker]'`."
        )
        raise ConfigurationError(msg) from error
    home = PoolHome(root=settings.data / "pool")
    home.create()
    choice = settled(
        home,
        WantedDocker(
            base_image=settings.pool_base_image,
            url=settings.pool_container_url,
            registry_host=settings.image_host,
        ),
        settings.base_url,
    )
    logger.info("Code runs in containers of the network %s", choice.network)
    return choice


def _walls_in_force(settings: Settings, environment: Mapping[str, str]) -> Walls:
    walls = _found_before(environment) or walls_of_pool(settings, environment)
    for reason in walls.reasons:
        logger.info("No stronger walls: %s", reason)
    logger.info("Walls around user code, %s", walls.line)
    return walls


def walls_of_pool(settings: Settings, environment: Mapping[str, str]) -> Walls:
    """The walls that this machine allows around user code, found out by trying.

    Args:
        settings: in force.
        environment: this process's own.

    Raises:
        ConfigurationError: the level that is set cannot be had.
    """
    make_data_folder(settings.data)
    home = PoolHome(root=settings.data / "pool")
    home.create()
    users = None if settings.pool_users is None else parsed_range(settings.pool_users)
    wanted = WallsChoice(
        level=settings.pool_sandbox, users=users, hidden=_hidden(settings, environment)
    )
    return found_walls(home, wanted)


def walls_variable(walls: Walls) -> dict[str, str]:
    """What a supervisor that has found the walls gives the pool."""
    return {_WALLS_VARIABLE: json.dumps(walls.as_json())}


def _found_before(environment: Mapping[str, str]) -> Walls | None:
    found = environment.get(_WALLS_VARIABLE)
    return Walls.from_json(json.loads(found)) if found else None


def _hidden(settings: Settings, environment: Mapping[str, str]) -> tuple[Path, ...]:
    """What user code may never see, wherever it lies: data, and a file with settings."""
    named = environment.get("DAGSTEAD_CONFIG")
    return (settings.data.resolve(), *((Path(named).resolve(),) if named else ()))


def _paths(folders: str) -> tuple[Path, ...]:
    return tuple(Path(folder) for folder in folders.split(":") if folder)


def _given_token(environment: Mapping[str, str]) -> str | None:
    secret = environment.get(POOL_TOKEN_VARIABLE)
    if secret and not secret.startswith(f"{TokenKind.POOL}:"):
        msg = (
            f"{POOL_TOKEN_VARIABLE} has a token of another kind, and a managed pool needs one of "
            "its own. Create it with `dagstead token create --kind pool --name pool`."
        )
        raise ConfigurationError(msg)
    return secret


def _own_token(settings: Settings) -> str:
    with opened_store(settings) as store, control_of(settings, store) as control:
        return new_pool_secret(control, settings.organization, settings.pool_serves)


def _end_with_supervisor() -> None:
    """Have the kernel end the agent when the supervisor is gone: an agent watches no pipe.

    At SIGTERM it would end its runs, as when somebody asks it to stop. Killed, it leaves them
    alone, and the next agent adopts them.
    """
    with open(os.devnull) as nothing:  # noqa: PTH123 - a descriptor is wanted
        os.dup2(nothing.fileno(), sys.stdin.fileno())
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
