from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from dagstead.errors import ConfigurationError
from dagstead.model.pool_pythons import TAG_VARIABLE, pythons_of_tag
from dagstead.serverless.agent_home import PoolSettings, pool_command
from dagstead.serverless.configuration import LauncherConfiguration
from dagstead.serverless.interpreters import OWN_VERSION

TOKEN = "agent:org:very-secret"


def settings(home: Path, **launcher: Any) -> PoolSettings:
    return PoolSettings(
        launcher=LauncherConfiguration(home=home, **launcher),
        url="http://127.0.0.1:3000/",
        token=TOKEN,
    )


def test_the_token_is_neither_on_disk_nor_among_the_arguments(tmp_path: Path) -> None:
    command = pool_command(settings(tmp_path / "pool"), {"PATH": str(tmp_path)})
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
