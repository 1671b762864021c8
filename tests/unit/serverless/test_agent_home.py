from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance
from dagster._core.instance.ref import InstanceRef
from dagster_cloud.instance import DagsterCloudAgentInstance

from dagstead.errors import ConfigurationError
from dagstead.model.pool_pythons import TAG_VARIABLE, pythons_of_tag
from dagstead.serverless.agent_home import PoolSettings, pool_command
from dagstead.serverless.configuration import LauncherConfiguration
from dagstead.serverless.environ import TOKEN_VARIABLE
from dagstead.serverless.interpreters import OWN_VERSION
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
    assert instance.dagster_cloud_api_agent_label == "serverless pool"


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
    assert launcher.branch_deployment_ttl_seconds == 24 * 3600
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


def test_the_token_is_neither_on_disk_nor_among_the_arguments(tmp_path: Path) -> None:
    command = pool_command(settings(tmp_path / "pool"), os.environ)
    assert TOKEN not in " ".join(command.arguments)
    assert TOKEN not in "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    assert (tmp_path / "pool" / "dagster.yaml").stat().st_mode & 0o077 == 0 or (
        (tmp_path / "pool").stat().st_mode & 0o077 == 0
    )


def test_the_agent_gets_nothing_of_the_servers_environment(tmp_path: Path) -> None:
    environment = {
        "PATH": "/usr/bin",
        "DAGSTEAD_DATABASE": "postgresql://user:secret@host/db",
        "DAGSTER_HOME": "/the/users/own",
        "DAGSTER_CLOUD_AGENT_TOKEN": "another token",
    }
    command = pool_command(settings(tmp_path / "pool"), environment)
    assert "secret@" not in json.dumps(dict(command.environment))
    assert command.environment["DAGSTER_HOME"] == str(tmp_path / "pool")
    assert command.environment["DAGSTER_CLOUD_AGENT_TOKEN"] == TOKEN
    assert command.environment["PATH"].split(os.pathsep) == [
        str(Path(sys.executable).parent),
        "/usr/bin",
    ]


def test_the_command_is_one_that_exists(tmp_path: Path) -> None:
    command = pool_command(settings(tmp_path / "pool"), os.environ)
    done = subprocess.run(
        [*command.arguments[:-1], "--help"],
        check=False,
        env=dict(command.environment),
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr


def test_an_address_that_is_none_is_refused(tmp_path: Path) -> None:
    wrong = PoolSettings(
        launcher=LauncherConfiguration(home=tmp_path / "pool"), url="localhost:3000", token=TOKEN
    )
    with pytest.raises(ConfigurationError, match="is not an address"):
        pool_command(wrong, os.environ)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "pool").write_text("a file is in the way")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        pool_command(settings(tmp_path / "pool"), os.environ)


def test_the_agent_says_which_pythons_its_machine_has(tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    other = "3.13" if OWN_VERSION == "3.12" else "3.12"
    for version, said in ((other, other), ("3.14", "3.9")):
        file = folder / f"python{version}"
        file.write_text(f"#!/bin/sh\necho {said}\n", encoding="utf-8")
        file.chmod(0o755)

    command = pool_command(settings(tmp_path / "pool"), {"PATH": str(folder)})

    found = pythons_of_tag(command.environment[TAG_VARIABLE])
    assert found == tuple(sorted((OWN_VERSION, other)))
