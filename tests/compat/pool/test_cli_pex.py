"""The official CLI builds PEX files, and the managed pool runs what it deploys."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.command_records import Recorder
from tests.support.environments import own_environment
from tests.support.official_cli import OfficialCli
from tests.support.pex import borrowing_wheel
from tests.support.pool_plane import Plane

pytestmark = pytest.mark.compat

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"

#: With the Dagster of the tests: `tests/workflows` resolves and builds the real one.
SETUP = """
from setuptools import setup
setup(name="pex-project", py_modules=["pex_project"], install_requires={needs})
"""

CODE = """
import dagster as dg

@dg.op
def say():
    print("said by a PEX file")

@dg.job
def saying():
    say()

defs = dg.Definitions(jobs=[saying])
"""

DOCUMENT = """
locations:
  - location_name: by-session
    code_source: {module_name: pex_project}
    build: {directory: .}
"""

#: Dependencies that were built under this name once are not built again.
CACHE = ("--pex-deps-cache-from", "shared", "--pex-deps-cache-to", "shared")


@pytest.fixture(scope="module")
def cli(
    plane: Plane, tmp_path_factory: pytest.TempPathFactory, command_recorder: Recorder
) -> OfficialCli:
    """A CI job that has built its PEX files."""
    folder, wheels = tmp_path_factory.mktemp("project"), tmp_path_factory.mktemp("wheels")
    needs = [
        f"{name} @ {borrowing_wheel(wheels, name).as_uri()}"
        for name in ("dagster", "dagster-cloud")
    ]
    for name, text in (
        ("setup.py", SETUP.format(needs=needs)),
        ("pex_project.py", CODE),
        ("dagster_cloud.yaml", DOCUMENT),
    ):
        (folder / name).write_text(text, encoding="utf-8")
    job = OfficialCli(
        url=plane.url,
        token=plane.token,
        folder=folder,
        recorder=command_recorder,
        environment=own_environment(),
    )
    job.run("dagster-cloud ci init", "--project-dir", ".")
    built = job.run(
        "dagster-cloud ci build",
        *("--build-strategy", "python-executable", "--pex-build-method", "local"),
        *("--python-version", PYTHON, *CACHE),
    )
    assert "No dependencies in cache" in built.text
    assert "Upload successful" in built.text
    return job


def launch(cli: OfficialCli, location: str) -> str:
    said = cli.run(
        "dagster-cloud job launch",
        *("--location", location, "--job", "saying", "--wait", "--interval", "2"),
    )
    return said.text


def test_session_deploys_what_it_built(cli: OfficialCli) -> None:
    assert "Agent synced changes to by-session." in cli.run("dagster-cloud ci deploy").text
    assert "finished successfully" in launch(cli, "by-session")


def test_dependencies_are_taken_from_the_cache(cli: OfficialCli) -> None:
    deployed = cli.run(
        "dagster-cloud serverless deploy-python-executable",
        *(".", "--location-name", "by-command", "--module-name", "pex_project"),
        *("--python-version", PYTHON, "--build-method", "local", "--deps-cache-from", "shared"),
    )
    assert "Found published deps.pex" in deployed.text
    assert "finished successfully" in launch(cli, "by-command")


def test_pex_files_are_built_without_a_deploy(cli: OfficialCli, tmp_path: Path) -> None:
    cli.run(
        "dagster-cloud serverless build-python-executable",
        *(".", tmp_path / "out"),
        *("--python-version", PYTHON, "--build-method", "local"),
    )
    assert {each.name.partition("-")[0] for each in (tmp_path / "out").glob("*.pex")} == {
        "deps",
        "source",
    }


def test_dependencies_are_built_alone(cli: OfficialCli, tmp_path: Path) -> None:
    needs = tmp_path / "requirements.txt"
    lines = [
        f"{name} @ {borrowing_wheel(tmp_path, name).as_uri()}\n"
        for name in ("dagster", "dagster-cloud")
    ]
    needs.write_text("".join(lines))
    cli.run("dagster-cloud serverless build-python-deps", needs, tmp_path / "deps.pex", "[]")
    assert (tmp_path / "deps.pex").stat().st_size


def test_a_pex_file_that_is_gone_fails_the_deploy_at_once(plane: Plane, cli: OfficialCli) -> None:
    tag = cli.run("dagster-cloud ci status").json()["build_output"]["pex_tag"]
    name = next(each for each in tag.removeprefix("files=").split(":") if "source-" in each)
    (file,) = plane.data.glob(f"blobs/**/{name.removesuffix('.pex')}+*.pex")
    file.unlink()
    refused = cli.run("dagster-cloud ci deploy", fails=True)
    assert f"PEX file '{name}' is not stored here" in refused.text
