"""Generated files of serverless locations that are images."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from dagstead.repository.ci.provider import Provider
from dagstead.repository.files import Project, read_project
from dagstead.repository.workflows.generation import generate
from dagstead.repository.workflows.options import DeployTool, Options, Pattern
from dagstead.repository.workflows.plan import images_of
from dagstead.repository.workflows.routing_program import routing_program
from tests.unit.repository.ci.repositories import HYBRID, SERVERLESS, repository

TIDES = {"location_name": "tides", "build": {"directory": "./tides"}}
_ON = "[tool.dagstead]\nserverless-images = true\n"
STEP = "Build images for the managed pool"
#: Writes down how it was called.
_STAND_IN = '#!/bin/sh\necho "$@" >> "$CALLS"\n'


def with_images(root: Path, setting: str = _ON) -> Project:
    """Of three locations, ``weather`` is a serverless image and ``tides`` is a PEX file."""
    repository(root, SERVERLESS, TIDES, HYBRID)
    (root / "tides" / "Dockerfile").unlink()
    (root / "pyproject.toml").write_text(setting)
    return read_project(root)


def documents(project: Project, options: Options) -> list[Any]:
    return [yaml.safe_load(each.text) for each in generate(project, options)]


def steps(document: Any) -> Iterator[dict[str, Any]]:
    for job in document["jobs"].values():
        yield from job["steps"]


def step(found: list[Any], name: str) -> dict[str, Any]:
    (only,) = [each for one in found for each in steps(one) if each.get("name") == name]
    return only


def calls_of(script: str, folder: Path, **variables: str) -> list[str]:
    """How a script calls the command line, in the folder of the repository."""
    program = folder.parent / "programs" / "dagster-cloud"
    program.parent.mkdir(exist_ok=True)
    program.write_text(_STAND_IN)
    program.chmod(0o755)
    calls = folder.parent / "calls"
    calls.unlink(missing_ok=True)
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "CALLS": str(calls), **variables}
    subprocess.run(["bash", "-eu", "-c", script], cwd=folder, env=env, check=True)
    return calls.read_text().splitlines() if calls.exists() else []


@pytest.mark.parametrize("pattern", [Pattern.EVERYTHING, Pattern.CHANGED, Pattern.ROUTED])
def test_an_image_is_built_from_its_dockerfile(pattern: Pattern, tmp_path: Path) -> None:
    root = tmp_path / "r"
    found = documents(with_images(root), Options(pattern=pattern, tool=DeployTool.CLI))
    plan = tmp_path / "plan"
    plan.write_text("serverless|tides|tides||tides\nimage|weather|weather||weather\n")

    calls = calls_of(step(found, STEP)["run"], root, PLAN=str(plan))

    (call,) = calls
    assert call.startswith("ci build --location-name weather --build-strategy docker")
    assert call.endswith("--dockerfile-path weather/Dockerfile")
    pex = step(found, "Build PEX files")["run"]
    assert "weather" not in pex
    if pattern is not Pattern.EVERYTHING:
        assert "== 'true'" in step(found, STEP)["if"]
        assert ".image == 'true'" in step(found, "Deploy")["if"]


def test_a_matrix_has_its_way_for_each(tmp_path: Path) -> None:
    root = tmp_path / "r"
    (document,) = documents(with_images(root), Options(pattern=Pattern.MATRIX, tool=DeployTool.CLI))

    entries = document["jobs"]["deploy"]["strategy"]["matrix"]["include"]
    assert {each["location"]: each["kind"] for each in entries} == {
        "weather": "image",
        "tides": "serverless",
        "digits": "hybrid",
    }
    build = step([document], STEP)
    assert build["if"] == "matrix.kind == 'image'"
    variables = {"LOCATION": "weather", "DIRECTORY": "weather", "REGISTRY": "", "SLUG": "weather"}
    assert "--location-name weather" in calls_of(build["run"], root, **variables)[0]


def test_each_location_may_have_a_workflow_of_its_own(tmp_path: Path) -> None:
    options = Options(pattern=Pattern.PER_LOCATION, tool=DeployTool.OFFICIAL_ACTION)
    found = documents(with_images(tmp_path / "r"), options)

    named = [[each.get("name") for each in steps(one)] for one in found]
    assert sum(STEP in names for names in named) == 1
    assert not any(STEP in names and "Build PEX files" in names for names in named)


def test_without_a_dockerfile_the_official_one_is_used(tmp_path: Path) -> None:
    root = tmp_path / "r"
    found = documents(with_images(root), Options(pattern=Pattern.EVERYTHING, tool=DeployTool.CLI))
    (root / "weather" / "Dockerfile").unlink()

    (call,) = calls_of(step(found, STEP)["run"], root)

    assert "--dockerfile-path" not in call


def test_the_program_that_reads_the_configuration_knows_them(tmp_path: Path) -> None:
    root = tmp_path / "r"
    with_images(root)

    ended = subprocess.run(
        ["python3", "-", "dagster_cloud.yaml"],
        input=routing_program(["weather"]),
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )

    assert [line.partition("|")[0] for line in ended.stdout.splitlines()] == [
        "image",
        "serverless",
        "hybrid",
    ]


@pytest.mark.parametrize("tool", [DeployTool.CLI, DeployTool.DAGSTEAD])
def test_gitlab_builds_them_where_docker_is(tool: DeployTool, tmp_path: Path) -> None:
    root = tmp_path / "r"
    repository(root, SERVERLESS)
    (root / "pyproject.toml").write_text(_ON)
    options = Options(pattern=Pattern.EVERYTHING, tool=tool, provider=Provider.GITLAB)

    (document,) = documents(read_project(root), options)

    job = document["dagster-deploy"]
    assert job["services"]
    assert any("docker-cli" in line for line in job["script"])
    if tool is DeployTool.CLI:
        assert any("build_image weather" in line for line in job["script"])


def test_what_was_generated_keeps_nothing_an_image(tmp_path: Path) -> None:
    root = tmp_path / "r"
    project = with_images(root)
    (made,) = generate(project, Options(pattern=Pattern.EVERYTHING, tool=DeployTool.CLI))
    path = root / made.path
    path.parent.mkdir(parents=True)
    path.write_text(made.text)
    assert images_of(read_project(root)) == {"weather"}

    (root / "pyproject.toml").write_text("")

    assert images_of(read_project(root)) == frozenset()
    # Written by hand, it says how the location is built.
    path.write_text(made.text.partition("\n")[2])
    assert images_of(read_project(root)) == {"weather"}


def test_without_images_files_are_as_before(tmp_path: Path) -> None:
    project = with_images(tmp_path / "r", setting="")
    for pattern in Pattern:
        for each in generate(project, Options(pattern=pattern, tool=DeployTool.CLI)):
            assert "image|" not in each.text
            assert STEP not in each.text
            assert 'kind = "image"' not in each.text
