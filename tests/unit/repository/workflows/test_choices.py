"""What a repository says by itself about the branch and the Python of its workflows."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagstead.errors import InvalidInputError
from dagstead.repository.ci.pins import SETUPTOOLS
from dagstead.repository.ci.provider import Provider
from dagstead.repository.files import Project
from dagstead.repository.workflows.choices import branch_of, python_of
from dagstead.repository.workflows.generation import generate
from dagstead.repository.workflows.options import DeployTool, Options, Pattern
from tests.support.git import git
from tests.unit.cli.conftest import Command, dagstead
from tests.unit.repository.ci.repositories import SERVERLESS, repository

__all__ = ["dagstead"]

_MORE = {"location_name": "tides", "build": {"directory": "./tides"}}


def of_package(root: Path, *texts: str, file: str = "pyproject.toml") -> Project:
    project = repository(root, SERVERLESS, _MORE)
    for folder, text in zip(("weather", "tides"), texts, strict=False):
        (root / folder / file).write_text(text, encoding="utf-8")
    return project


def package(python: str) -> str:
    return f'[project]\nname = "x"\nversion = "1"\nrequires-python = "{python}"\n'


@pytest.mark.parametrize(
    ("written", "python"),
    [
        ((), "3.11"),
        ((">=3.10",), "3.11"),
        ((">=3.12",), "3.12"),
        (("<3.11",), "3.10"),
        ((">=3.11.4,<3.15",), "3.11"),
        ((">=3.12", ">=3.13"), "3.13"),
        (("~=3.13.0",), "3.13"),
        (("not a version",), "3.11"),
    ],
)
def test_the_python_is_one_that_every_location_allows(
    written: tuple[str, ...], python: str, tmp_path: Path
) -> None:
    assert python_of(of_package(tmp_path, *map(package, written))) == python


@pytest.mark.parametrize(
    ("file", "text", "python"),
    [
        ("pyproject.toml", '[tool.poetry.dependencies]\npython = "^3.12"\n', "3.12"),
        ("pyproject.toml", '[tool.poetry.dependencies]\npython = "~3.10"\n', "3.10"),
        ("setup.py", "setup(name='x', python_requires='>=3.13')\n", "3.13"),
        ("setup.cfg", "[options]\npython_requires = >=3.12, <3.13\n", "3.12"),
        (".python-version", "3.13.2\n", "3.13"),
    ],
)
def test_the_python_may_be_written_in_the_files_of_several_tools(
    file: str, text: str, python: str, tmp_path: Path
) -> None:
    assert python_of(of_package(tmp_path, text, file=file)) == python


def test_locations_that_no_python_is_right_for_are_named(tmp_path: Path) -> None:
    project = of_package(tmp_path, package(">=3.12"), package("<3.12"))

    with pytest.raises(InvalidInputError) as caught:
        python_of(project)

    assert "for 'weather', requires-python is '>=3.12'; for 'tides', requires-python" in str(
        caught.value
    )


def test_the_environment_of_a_location_gives_way_to_what_packages_demand(tmp_path: Path) -> None:
    project = of_package(tmp_path, package(">=3.10"), package(">=3.10"))
    environment = tmp_path / "tides" / "environment.yml"

    environment.write_text("dependencies:\n  - python=3.13\n", encoding="utf-8")
    assert python_of(project) == "3.13"
    environment.write_text("dependencies:\n  - python=3.8\n", encoding="utf-8")
    assert python_of(project) == "3.11"


def test_the_branch_is_the_default_one_of_the_remote(tmp_path: Path) -> None:
    project = repository(tmp_path / "origin", SERVERLESS)
    (tmp_path / "origin" / ".git").rmdir()
    git(tmp_path / "origin", "init", "--initial-branch", "live")
    git(tmp_path / "origin", "add", "--all")
    git(tmp_path / "origin", "commit", "--message", "all")
    git(tmp_path, "clone", "--quiet", str(tmp_path / "origin"), str(tmp_path / "clone"))
    git(tmp_path / "clone", "checkout", "--quiet", "-b", "main")

    assert branch_of(repository(tmp_path / "clone", SERVERLESS)) == "live"
    assert branch_of(project) == "main"


@pytest.mark.parametrize(
    ("branches", "found"),
    [(["master"], "master"), (["master", "topic"], "master"), (["topic"], "main")],
)
def test_without_a_remote_it_is_a_branch_of_a_usual_name(
    branches: list[str], found: str, tmp_path: Path
) -> None:
    git(tmp_path, "init", "--initial-branch", branches[0])
    git(tmp_path, "commit", "--allow-empty", "--message", "first")
    for each in branches[1:]:
        git(tmp_path, "checkout", "--quiet", "-b", each)

    assert branch_of(repository(tmp_path, SERVERLESS)) == found


def test_the_command_takes_both_and_writes_how_to_make_the_same_again(
    dagstead: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    git(tmp_path, "init", "--initial-branch", "master")
    git(tmp_path, "commit", "--allow-empty", "--message", "first")
    of_package(tmp_path, package(">=3.12"))

    assert dagstead("workflow", "generate", str(tmp_path)).code == 0

    text = (tmp_path / ".github" / "workflows" / "dagster-deploy.yml").read_text("utf-8")
    assert "--branch master --python 3.12\n" in text
    assert "--python-version 3.12" in text
    assert "branches:\n      - master\n" in text
    monkeypatch.chdir(tmp_path)
    words = ["workflow", "generate", "--pattern", "b1", "--branch", "master", "--python", "3.12"]
    assert dagstead(*words, "--check").code == 0


@pytest.mark.parametrize("pattern", Pattern)
@pytest.mark.parametrize("tool", [DeployTool.CLI, DeployTool.OFFICIAL_ACTION])
def test_a_setup_py_gets_the_setuptools_that_python_no_longer_brings(
    pattern: Pattern, tool: DeployTool, tmp_path: Path
) -> None:
    project = of_package(tmp_path, "from setuptools import setup\n", file="setup.py")
    options = Options(pattern=pattern, tool=tool, python="3.12")

    made = "".join(each.text for each in generate(project, options))

    assert made.index(SETUPTOOLS) < made.index("ci build")
    older = Options(pattern=pattern, tool=tool, python="3.11")
    assert not any(SETUPTOOLS in each.text for each in generate(project, older))


def test_gitlab_gets_setuptools_where_a_library_beside_has_a_setup_py(tmp_path: Path) -> None:
    project = of_package(tmp_path, "-e ../shared\n", file="requirements.txt")
    options = Options(provider=Provider.GITLAB, python="3.12")
    assert SETUPTOOLS not in generate(project, options)[0].text

    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "setup.py").write_text("", encoding="utf-8")

    assert SETUPTOOLS in generate(project, options)[0].text


def test_the_ci_is_the_one_that_the_repository_has(dagstead: Command, tmp_path: Path) -> None:
    repository(tmp_path, SERVERLESS)
    pipeline = tmp_path / ".gitlab-ci.yml"
    pipeline.write_text("test:\n  script: [pytest]\n", encoding="utf-8")

    said = dagstead("workflow", "generate", str(tmp_path), "--check")
    assert f"--- {pipeline.name}" in said.out
    refused = dagstead("migrate", str(tmp_path), "--to", "root-workflows")
    assert refused.code == 2
    assert "--to root" in refused.err

    (tmp_path / ".github" / "workflows").mkdir(parents=True)
    (tmp_path / ".github" / "workflows" / "test.yml").write_text("on: push\n", encoding="utf-8")
    said = dagstead("workflow", "generate", str(tmp_path), "--check")
    assert ".github/workflows/dagster-deploy.yml" in said.out
