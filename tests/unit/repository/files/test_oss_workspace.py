"""Repositories that nothing is read of yet: open-source Dagster's, and a file that git ignores."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from dagstead.repository.files import read_project
from tests.unit.cli.conftest import Command, dagstead

__all__ = ["dagstead"]

_WORKSPACE = """\
load_from:
  - python_file: tides.py
  - python_module: {module_name: moon.phases, location_name: "full moon", working_directory: src}
  - python_package: {package_name: currents, executable_path: /venv/bin/python}
  - python_file: {relative_path: maps/coast.py, attribute: defs}
  - grpc_server: {host: localhost, port: 4266}
"""
_NAMES = ["tides", "full moon", "currents", "coast"]


def test_what_is_suggested_for_a_workspace_can_be_read(dagstead: Command, tmp_path: Path) -> None:
    (tmp_path / "workspace.yaml").write_text(_WORKSPACE, encoding="utf-8")
    said = dagstead("plan", str(tmp_path))
    assert said.code == 2
    assert "workspace.yaml is a file of open-source Dagster, and no deploy reads it" in said.err

    suggested = said.err.partition("such as:\n\n")[2]
    (tmp_path / "dagster_cloud.yaml").write_text(suggested, encoding="utf-8")

    locations = read_project(tmp_path).locations
    assert [each.name.value for each in locations] == _NAMES
    assert dagstead("check", str(tmp_path)).code in {0, 1}


@pytest.mark.parametrize("command", [("plan",), ("check",), ("routes",), ("migrate", "--to=root")])
def test_every_command_says_that_code_servers_need_an_image(
    command: tuple[str, ...], dagstead: Command, tmp_path: Path
) -> None:
    text = "load_from: [{grpc_server: {host: localhost, port: 4266}}]\n"
    (tmp_path / "workspace.yaml").write_text(text, encoding="utf-8")
    said = dagstead(*command, str(tmp_path))
    assert said.code == 2
    assert "with the image of its code servers" in said.err


def test_check_says_that_there_is_nothing_to_deploy(dagstead: Command, tmp_path: Path) -> None:
    (tmp_path / "workspace.yaml").write_text(_WORKSPACE, encoding="utf-8")
    (tmp_path / "compose.yaml").write_text("services: {a: {image: dagster/dagster-cloud-agent}}\n")
    said = dagstead("check", str(tmp_path))
    assert said.code == 0
    assert "there are no code locations. workspace.yaml is" in said.err


@pytest.mark.parametrize("command", [("plan",), ("check",), ("workflow", "generate")])
def test_a_file_that_git_ignores_and_does_not_keep_is_named(
    command: tuple[str, ...], dagstead: Command, tmp_path: Path
) -> None:
    text = "locations:\n  - location_name: tides\n    code_source: {python_file: tides.py}\n"
    (tmp_path / "dagster_cloud.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "requirements.txt").write_text("dagster-cloud\n", encoding="utf-8")
    (tmp_path / "tides.py").touch()
    (tmp_path / ".gitignore").write_text("*.yaml\n", encoding="utf-8")
    subprocess.run(["git", "init", "-q", tmp_path], check=True)

    said = dagstead(*command, str(tmp_path))
    assert said.code == 2
    assert ".gitignore leaves dagster_cloud.yaml out" in said.err
    assert dagstead("plan", str(tmp_path / "dagster_cloud.yaml")).code == 0
