"""Which control plane the official commands call, and that the rules know those that ask another.

Every command is run with ``DAGSTER_CLOUD_URL``, up to the first host that it looks for.
"""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

import click
import pytest
import typer

from tests.contract.client_commands import found_commands
from tests.support.commands import run_here
from tests.support.environments import own_environment
from tests.support.git import commit_all, git

pytestmark = pytest.mark.contract

PROGRAM = Path(__file__).parents[1] / "support" / "programs" / "first_addresses.py"
PLANE = "plane.example.com"

#: What they are called with, where the words that they need say too little.
ARGUMENTS: Mapping[str, str] = {
    "dagster-cloud branch-deployment create-or-update": (
        "--git-repo-name r --branch-name b --commit-hash c --timestamp 1"
    ),
    "dagster-cloud ci build": "--build-strategy python-executable",
    "dagster-cloud ci init": "--require-branch-deployment --statedir another-session",
    "dagster-cloud deployment add-location": "x --module-name m",
    "dagster-cloud deployment update-location": "x --module-name m",
    "dagster-cloud integration atlan set-settings": "x example.atlan.com",
    "dagster-cloud run status": "x",
    "dagster-cloud serverless build-python-executable": "nothing-there built",
    "dagster-cloud workspace add-location": "x --module-name m",
    "dagster-cloud workspace update-location": "x --module-name m",
    "dg api issue add-link": "x --run-id y",
    "dg api issue remove-link": "x --run-id y",
    "dg api run launch": "--location x --job y",
    "dg plus create env": "NAME VALUE --global",
    "dg plus deploy": "--agent-type hybrid --yes",
    "dg plus deploy build-and-push": "--agent-type serverless",
    "dg plus deploy start": "--yes",
}

#: They begin a session with an image before every command: some need one, some end it.
PREPARATIONS = (
    "dagster-cloud ci init --project-dir .",
    "dagster-cloud ci set-build-output --image-tag x",
)

#: They ask nobody: they read and write files, or a person at a terminal answers.
OFFLINE = frozenset(
    {
        "dagster-cloud agent run",
        "dagster-cloud ci dagster-dbt project manage-state",
        "dagster-cloud ci inspect",
        "dagster-cloud ci locations-deselect",
        "dagster-cloud ci locations-list",
        "dagster-cloud ci locations-select",
        "dagster-cloud ci notify",
        "dagster-cloud ci set-build-output",
        "dagster-cloud ci status",
        "dagster-cloud ci template",
        "dagster-cloud config setup",
        "dagster-cloud config view",
        "dagster-cloud configure",
        "dagster-cloud logtest",
        "dagster-cloud pex execute-run",
        "dagster-cloud pex grpc",
        "dagster-cloud serverless build-python-deps",
        "dg plus config set",
        "dg plus config view",
        "dg plus deploy configure hybrid",
        "dg plus deploy configure serverless",
        "dg plus deploy deselect",
        "dg plus deploy inspect",
        "dg plus deploy list-locations",
        "dg plus deploy notify",
        "dg plus deploy select",
        "dg plus deploy set-build-output",
        "dg plus deploy status",
        "dg plus integrations dbt download-manifest",
        "dg plus integrations dbt manage-manifest",
        "dg plus login",
    }
)

#: It asks a person, too, and so is nothing for a workflow.
AT_A_TERMINAL = frozenset({"dg plus deploy configure"})

PROJECT = """\
[project]
name = "probe"
version = "0"
requires-python = ">=3.11"

[tool.dg]
directory_type = "project"

[tool.dg.project]
root_module = "probe"
"""
LOCATIONS = """\
locations:
  - location_name: probe
    code_source: {module_name: probe}
    build: {directory: ., registry: registry.example.com/probe}
"""
#: It names no address, as that of a person who has used dagster.cloud.
CONFIGURATION = "organization: harbour\nuser_token: user:x\n"

WORKFLOW = """\
on: {{push: {{branches: [main]}}}}
env:
  DAGSTER_CLOUD_URL: https://plane.example.com
  DAGSTER_CLOUD_ORGANIZATION: harbour
jobs:
  ask:
    runs-on: ubuntu-24.04
    steps:
      - run: {command}
"""


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str | None]:
    """The first host that every command looks for."""
    folder = tmp_path_factory.mktemp("called") / "probe"
    _write_project(folder)
    commands = {each.name: _arguments(each.name) for each in found_commands()}
    calls = [
        words
        for name, arguments in commands.items()
        for words in (*map(str.split, PREPARATIONS), [*name.split(), *arguments])
    ]
    found = _first_hosts(folder, calls)[len(PREPARATIONS) :: len(PREPARATIONS) + 1]
    return dict(zip(commands, found, strict=True))


def test_commands_that_ask_nobody_are_known(hosts: dict[str, str | None]) -> None:
    assert {name for name, host in hosts.items() if host is None} == OFFLINE


def test_every_other_command_asks_one_of_two(hosts: dict[str, str | None]) -> None:
    assert set(hosts.values()) == {None, PLANE, "dagster.cloud", "harbour.dagster.cloud"}


def test_check_names_exactly_the_commands_that_ignore_the_address(
    hosts: dict[str, str | None], tmp_path: Path
) -> None:
    (tmp_path / ".github" / "workflows").mkdir(parents=True)
    (tmp_path / "dagster_cloud.yaml").write_text(LOCATIONS, encoding="utf-8")
    for name in hosts:
        command = " ".join([name, *_arguments(name)])
        file = tmp_path / ".github" / "workflows" / f"{name.replace(' ', '_')}.yml"
        file.write_text(WORKFLOW.format(command=command), encoding="utf-8")
    commit_all(tmp_path)

    said = run_here("check", "--select", "DW16", "--format", "json", cwd=tmp_path)

    named = {Path(each["file"]).stem for each in json.loads(said.stdout)["findings"]}
    ignoring = {name for name, host in hosts.items() if host is not None and host != PLANE}
    assert named == {name.replace(" ", "_") for name in ignoring - AT_A_TERMINAL}


def test_the_file_that_the_advice_writes_has_the_address(tmp_path: Path) -> None:
    _write_project(tmp_path)
    advice = ["dg", "plus", "config", "set", "--url", f"http://{PLANE}"]
    asking = (["dg", "api", "run", "list"], ["dg", "plus", "pull", "env"])

    assert _first_hosts(tmp_path, [advice, *asking]) == [None, PLANE, PLANE]


def _first_hosts(folder: Path, calls: Sequence[Sequence[str]]) -> list[str | None]:
    done = subprocess.run(
        [sys.executable, PROGRAM],
        input=json.dumps(calls),
        cwd=folder,
        env=_variables(folder),
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
    )
    found: list[str | None] = json.loads(done.stdout.splitlines()[-1])
    return found


def _write_project(folder: Path) -> None:
    """A dg project that `dagster-cloud ci` can deploy, too, with the files that commands read."""
    files = {
        "pyproject.toml": PROJECT,
        "dagster_cloud.yaml": LOCATIONS,
        "src/probe/__init__.py": "",
        "configuration": CONFIGURATION,
        "workspace.yaml": "locations: []\n",
        # Without one `dg list envs` has nothing to ask about.
        ".env": "MENTIONED=1\n",
        "bin/docker": "#!/bin/sh\n",
        **dict.fromkeys(("alert_policies.yaml", "x"), "{}\n"),
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (folder / "bin" / "docker").chmod(0o755)
    commit_all(folder)
    git(folder, "checkout", "--quiet", "-b", "topic")
    git(folder, "remote", "add", "origin", "https://github.com/harbour/probe.git")


def _variables(folder: Path) -> dict[str, str]:
    plain = {
        key: value
        for key, value in own_environment().variables().items()
        if not key.startswith(("CI", "GITHUB_", "GITLAB_"))
    }
    return {
        **plain,
        "PATH": os.pathsep.join([str(folder / "bin"), plain["PATH"]]),
        "HOME": str(folder),
        "DAGSTER_BUILD_STATEDIR": str(folder / "session"),
        "DAGSTER_CLOUD_API_TOKEN": "user:x",
        "DAGSTER_CLOUD_CLI_CONFIG": str(folder / "configuration"),
        "DAGSTER_CLOUD_DEPLOYMENT": "prod",
        "DAGSTER_CLOUD_ORGANIZATION": "harbour",
        "DAGSTER_CLOUD_URL": f"http://{PLANE}",
        "DAGSTER_DISABLE_TELEMETRY": "1",
    }


def _arguments(name: str) -> list[str]:
    if name in ARGUMENTS:
        return ARGUMENTS[name].split()
    return [word for each in _parameters(name) if each.required for word in _words(each)]


def _parameters(name: str) -> Iterator[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from dagster_cloud_cli.entrypoint import app  # noqa: PLC0415 - Typer warns its authors
        from dagster_dg_cli.cli import cli as dg  # noqa: PLC0415 - as above

        program, *words = name.split()
        found: Any = typer.main.get_command(app) if program == "dagster-cloud" else dg
    for word in words:
        found = found.get_command(click.Context(click.Command(word)), word)
    yield from found.params


def _words(parameter: Any) -> list[str]:
    if "--statedir" in parameter.opts:
        # A variable has it.
        return []
    value = _value(parameter)
    return [value] if parameter.param_type_name == "argument" else [parameter.opts[0], value]


def _value(parameter: Any) -> str:
    # Typer has types of Python, click its own.
    described = getattr(parameter, "type_descriptor", None)
    kind = described.annotation if described else parameter.type
    if inspect.isclass(kind) and issubclass(kind, Enum):
        return str(next(iter(kind)).value)
    if hasattr(kind, "choices"):
        return str(next(iter(kind.choices)))
    return "." if "dir" in parameter.name else "x"
