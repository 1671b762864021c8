"""The pool's agent as a child process: its folder, its configuration and its command."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dagstead.errors import ConfigurationError
from dagstead.model.agents import PAUSE_SECONDS, PAUSE_VARIABLE
from dagstead.model.pool_pythons import TAG_VARIABLE, tag_of_pool
from dagstead.serverless.configuration import LauncherConfiguration
from dagstead.serverless.environ import TOKEN_VARIABLE, machine_environment, named
from dagstead.serverless.home import PoolHome
from dagstead.serverless.interpreters import Interpreters

if TYPE_CHECKING:
    from collections.abc import Mapping

AGENT_LABEL = "managed pool"
#: By the pool's backend.
_INSTANCES = {
    "process": {"module": "dagstead.serverless.instance", "class": "PoolInstance"},
    "docker": {"module": "dagster_cloud.instance", "class": "DagsterCloudAgentInstance"},
}
_LAUNCHERS = {
    "process": {"module": "dagstead.serverless.launcher", "class": "PexUserCodeLauncher"},
    "docker": {"module": "dagstead.serverless.docker.launcher", "class": "DockerPoolLauncher"},
}
#: How Docker's client finds its daemon, and logs in.
_OF_DOCKER = ("DOCKER_*",)
#: How old the output of a running step may be in the UI.
_LOG_UPLOAD_SECONDS = 10
#: Those of the agent.
_LOG_FORM = "%(asctime)s - %(name)s - %(levelname)s - %(message)s"
_LOG_TIMES = "%Y-%m-%d %H:%M:%S %z"


@dataclass(frozen=True, kw_only=True, slots=True)
class PoolSettings:
    """What the pool is started with."""

    #: The pool's folder and how its launcher works.
    launcher: LauncherConfiguration
    #: The control plane's address, as the agent reaches it.
    url: str
    #: An agent token for all deployments and the default queue.
    token: str
    #: The Python that has ``dagster-cloud`` and this package.
    python: str = sys.executable
    #: ``all`` deployments, the ``full`` ones or the ``branches``.
    serves: str = "all"
    #: How many requests the agent handles at one time.
    request_threads: int = 20
    #: How many code servers of branch deployments stay up between requests, and for how long.
    branch_servers: int = 25
    branch_server_seconds: int = 900
    #: The class that writes the lines of the agent's log, as Python's ``logging`` is configured.
    log_formatter: str = "logging.Formatter"
    #: Environment variables for the agent itself; user code does not see them.
    agent_environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """A process to start. It ends on SIGTERM, with everything that it has started."""

    arguments: tuple[str, ...]
    #: The whole environment: nothing else may be added, or user code could come to see it.
    environment: Mapping[str, str]
    folder: Path


def pool_command(settings: PoolSettings, environment: Mapping[str, str]) -> Command:
    """Write the pool's folder, and say how to start its agent.

    Args:
        settings: What the pool is started with.
        environment: The caller's own environment, of which a safe part is handed on.

    Raises:
        ConfigurationError: The address has another form, or the folder cannot be written.
    """
    if not settings.url.startswith(("http://", "https://")):
        msg = (
            f"The pool's control plane address {settings.url!r} is not an address. Use http://... "
            "or https://..."
        )
        raise ConfigurationError(msg)
    home = PoolHome(root=settings.launcher.home.resolve())
    try:
        home.create()
        # JSON is YAML, and needs no care with quoting.
        home.configuration.write_text(
            json.dumps(_agent_configuration(settings, home), indent=1), encoding="utf-8"
        )
    except OSError as error:
        msg = f"The pool's folder {home.root} cannot be written: {error}. Choose another one."
        raise ConfigurationError(msg) from error
    scripts = str(Path(settings.python).parent)
    base = machine_environment(environment, settings.launcher.pass_environment)
    return Command(
        arguments=(
            *(settings.python, "-m", "dagster_cloud_cli.entrypoint"),
            *("agent", "run", str(home.root)),
            *("--agent-logging-config-string", json.dumps(_logging(settings.log_formatter))),
        ),
        environment={
            **base,
            "PATH": os.pathsep.join(filter(None, (scripts, base.get("PATH")))),
            "DAGSTER_HOME": str(home.root),
            "DAGSTER_CLOUD_AGENT_MAX_THREADPOOL_WORKERS": str(settings.request_threads),
            # The default is the time that a code server may take to start.
            "DAGSTER_CLOUD_CODE_SERVER_HEALTH_CHECK_REDEPLOY_TIMEOUT": "30",
            # Between two polls, each of which waits for work by itself.
            PAUSE_VARIABLE: PAUSE_SECONDS,
            "PYTHONUNBUFFERED": "1",
            **_of_backend(settings.launcher, environment, base.get("PATH")),
            **settings.agent_environment,
            TOKEN_VARIABLE: settings.token,
        },
        folder=home.root,
    )


def _of_backend(
    launcher: LauncherConfiguration, environment: Mapping[str, str], path: str | None
) -> Mapping[str, str]:
    """What the agent tells of its machine, or how it finds Docker."""
    if launcher.docker is not None:
        return named(environment, _OF_DOCKER)
    pythons = Interpreters(named=launcher.pythons, search_path=path)
    return {TAG_VARIABLE: tag_of_pool(pythons.available(), launcher.walls.words)}


def _logging(formatter: str) -> dict[str, Any]:
    """As the agent sets up its log by itself, but for who writes the lines."""
    form = {"()": formatter, "fmt": _LOG_FORM, "datefmt": _LOG_TIMES}
    handler = {"class": "logging.StreamHandler", "formatter": "lines"}
    return {
        "formatters": {"lines": form},
        "handlers": {"stderr": handler},
        "root": {"handlers": ["stderr"], "level": "INFO"},
    }


def _agent_configuration(settings: PoolSettings, home: PoolHome) -> dict[str, Any]:
    launcher = {**settings.launcher.as_yaml(), "home": str(home.root)}
    backend = "process" if settings.launcher.docker is None else "docker"
    return {
        "instance_class": _INSTANCES[backend],
        "compute_logs": {
            "module": "dagster_cloud.storage.compute_logs",
            "class": "CloudComputeLogManager",
            "config": {
                "local_dir": str(home.compute_logs),
                "upload_interval": _LOG_UPLOAD_SECONDS,
            },
        },
        "dagster_cloud_api": {
            "url": settings.url.rstrip("/"),
            # Named, not written: this file goes to user code as part of the instance's reference.
            "agent_token": {"env": TOKEN_VARIABLE},
            "agent_label": AGENT_LABEL,
            **_deployments(settings.serves),
        },
        "user_code_launcher": {
            **_LAUNCHERS[backend],
            "config": {
                "pool": launcher,
                "server_ttl": {
                    "full_deployments": {"enabled": False},
                    "branch_deployments": {"ttl_seconds": settings.branch_server_seconds},
                    "max_servers": settings.branch_servers,
                },
            },
        },
    }


def _deployments(serves: str) -> dict[str, bool]:
    """The deployments to serve, in the agent's own words."""
    return {
        "all_serverless_deployments": serves != "branches",
        "branch_deployments": serves != "full",
    }
