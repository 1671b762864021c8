"""The official agent takes the folder and the command that the pool writes for it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance
from dagster._core.instance.ref import InstanceRef
from dagster_cloud.instance import DagsterCloudAgentInstance

from dagstead.serverless.agent_home import PoolSettings, pool_command
from dagstead.serverless.configuration import LauncherConfiguration
from dagstead.serverless.environ import TOKEN_VARIABLE
from dagstead.serverless.launcher import PexUserCodeLauncher

TOKEN = "agent:org:very-secret"


def settings(home: Path, **launcher: Any) -> PoolSettings:
    return PoolSettings(
        launcher=LauncherConfiguration(home=home, **launcher),
        url="http://127.0.0.1:3000/",
        token=TOKEN,
    )


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DagsterCloudAgentInstance:
    launcher = {
        "pass_environment": ("WAREHOUSE_*",),
        "stop_runs_on_exit": False,
        "user_code_umask": 0o027,
    }
    command = pool_command(settings(tmp_path / "pool", **launcher), os.environ)
    monkeypatch.setenv(TOKEN_VARIABLE, command.environment[TOKEN_VARIABLE])
    instance = DagsterInstance.from_ref(InstanceRef.from_dir(str(tmp_path / "pool")))
    assert isinstance(instance, DagsterCloudAgentInstance)
    return instance


def test_the_official_agent_reads_what_was_written(instance: DagsterCloudAgentInstance) -> None:
    assert instance.dagster_cloud_url == "http://127.0.0.1:3000"
    assert instance.dagster_cloud_agent_token == TOKEN
    assert instance.include_all_serverless_deployments
    assert instance.includes_branch_deployments
    assert instance.deployment_names == []
    assert instance.agent_queues_config.queues == [None]
    assert instance.dagster_cloud_api_agent_label == "managed pool"


def test_the_launchers_settings_arrive_as_they_were(
    instance: DagsterCloudAgentInstance, tmp_path: Path
) -> None:
    launcher = instance.user_code_launcher
    assert isinstance(launcher, PexUserCodeLauncher)
    assert launcher._configuration == LauncherConfiguration(
        home=tmp_path / "pool",
        pass_environment=("WAREHOUSE_*",),
        stop_runs_on_exit=False,
        user_code_umask=0o027,
    )
    assert launcher.branch_deployment_ttl_seconds == 900
    assert not launcher.server_ttl_enabled_for_full_deployments


def test_deployments_keep_their_values_apart(instance: DagsterCloudAgentInstance) -> None:
    references = [instance.ref_for_deployment(name) for name in ("prod", "branch", "../odd")]
    folders = [reference.local_artifact_storage.storage_dir for reference in references]
    assert len(set(folders)) == 3
    assert all(Path(folder).resolve().is_relative_to(instance.root_directory) for folder in folders)
    # User code must be able to make its instance without this package.
    assert "dagstead.serverless.instance" not in repr(references[0])
    with DagsterInstance.from_ref(references[0]) as scoped:
        assert type(scoped) is DagsterCloudAgentInstance
        assert scoped.deployment_name == "prod"
        assert scoped.storage_directory() == folders[0]


def test_the_command_is_one_that_exists(tmp_path: Path) -> None:
    command = pool_command(settings(tmp_path / "pool"), os.environ)
    done = subprocess.run(
        [*command.arguments, "--help"],
        check=False,
        env=dict(command.environment),
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
