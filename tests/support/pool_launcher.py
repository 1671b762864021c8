"""The pool's launcher inside a real official instance, without the agent around it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance
from dagster._core.instance.ref import InstanceRef
from dagster_cloud.instance import DagsterCloudAgentInstance

from dagstead.serverless.agent_home import PoolSettings, pool_command
from dagstead.serverless.configuration import LauncherConfiguration
from dagstead.serverless.home import PoolHome
from dagstead.serverless.launcher import PexUserCodeLauncher
from dagstead.serverless.sandbox.trial import WallsChoice, found_walls


@contextmanager
def launcher_in(
    home: Path, url: str, monkeypatch: pytest.MonkeyPatch, **configuration: Any
) -> Iterator[PexUserCodeLauncher]:
    """A started launcher; reconciled by the test, not by its own thread.

    Its code is behind the walls that this machine allows.
    """
    folders = PoolHome(root=home)
    folders.create()
    walls = found_walls(folders, WallsChoice())
    settings = PoolSettings(
        launcher=LauncherConfiguration(
            # Where the PEX files of tests have their Dagster from.
            **{"home": home, "walls": walls, "machine_read": (Path(sys.prefix),), **configuration}
        ),
        url=url,
        token="pool:org:token",
    )
    command = pool_command(settings, os.environ)
    for name in list(os.environ):
        monkeypatch.delenv(name)
    for name, value in command.environment.items():
        monkeypatch.setenv(name, value)
    with DagsterInstance.from_ref(InstanceRef.from_dir(str(home))) as instance:
        assert isinstance(instance, DagsterCloudAgentInstance)
        launcher = instance.user_code_launcher
        assert isinstance(launcher, PexUserCodeLauncher)
        launcher.start(run_reconcile_thread=False)
        yield launcher
