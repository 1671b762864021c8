"""Workflows that deploy already what generated ones are to deploy."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagstead.repository.ci.provider import Provider
from dagstead.repository.workflows.generation import generate
from dagstead.repository.workflows.options import DeployTool, Options, Pattern
from tests.unit.cli.conftest import Command, dagstead
from tests.unit.repository.ci.repositories import HYBRID, SERVERLESS, repository

__all__ = ["dagstead"]

_OFFICIAL = "dagster-io/dagster-cloud-action/actions/utils"
_OLD = f"""\
name: ship
on: {{push: {{branches: [main]}}}}
env: {{DAGSTER_CLOUD_API_TOKEN: "${{{{ secrets.T }}}}", DAGSTER_CLOUD_ORGANIZATION: acme}}
jobs:
  ship:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v4
      - uses: actions/checkout@v4
        with: {{repository: acme/models, path: models}}
      - uses: actions/setup-python@v5
      - uses: {_OFFICIAL}/ci-init@v1.13.7
        with: {{project_dir: ., deployment: prod}}
      - run: |
          pip install -e .
          dbt parse --project-dir models
      - run: pip install dagster-cloud-cli
      - uses: {_OFFICIAL}/dagster-cloud-cli@v1.13.7
        with: {{command: "ci build --build-strategy=python-executable"}}
      - uses: {_OFFICIAL}/dagster-cloud-cli@v1.13.7
        with: {{command: "ci deploy"}}
"""
_TESTS = """\
  tests:
    runs-on: ubuntu-24.04
    steps:
      - run: pytest
"""


def with_old(root: Path, text: str = _OLD) -> Path:
    repository(root, SERVERLESS)
    (root / ".github" / "workflows").mkdir(parents=True)
    old = root / ".github" / "workflows" / "ship.yml"
    old.write_text(text, encoding="utf-8")
    return old


@pytest.mark.parametrize("pattern", Pattern)
def test_nothing_is_written_beside_a_workflow_that_deploys_the_same(
    pattern: Pattern, dagstead: Command, tmp_path: Path
) -> None:
    old = with_old(tmp_path / "r")

    said = dagstead("workflow", "generate", str(tmp_path / "r"), "--pattern", pattern)

    assert said.code == 2
    assert "ship.yml:21:26: this workflow already deploys 'weather'" in said.err
    assert "ship.yml:9:15 does this before the build" in said.err
    assert "ship.yml:14:14 does this" in said.err
    assert "pip install -e .; dbt parse --project-dir models" in said.err
    assert "dagster-cloud-cli" not in said.err
    assert "--replace" in said.err
    assert [each.name for each in old.parent.iterdir()] == ["ship.yml"]


def test_the_old_one_is_removed_or_kept_when_somebody_says_so(
    dagstead: Command, tmp_path: Path
) -> None:
    old = with_old(tmp_path / "r")
    words = ("workflow", "generate", str(tmp_path / "r"))

    kept = dagstead(*words, "--keep-old")
    assert (kept.code, old.exists()) == (0, True)
    assert "dbt parse" in kept.err

    replaced = dagstead(*words, "--replace")
    assert (replaced.code, old.exists()) == (0, False)
    assert "removed .github/workflows/ship.yml" in replaced.out
    assert dagstead(*words, "--check").code == 0


def test_a_file_with_other_jobs_is_not_removed(dagstead: Command, tmp_path: Path) -> None:
    old = with_old(tmp_path / "r", _OLD + _TESTS)

    said = dagstead("workflow", "generate", str(tmp_path / "r"), "--replace")

    assert said.code == 2
    assert "the job 'tests' has nothing to do with the deploy" in said.err
    assert [each.name for each in old.parent.iterdir()] == ["ship.yml"]


def test_another_deployment_is_not_the_same(dagstead: Command, tmp_path: Path) -> None:
    with_old(tmp_path / "r")

    assert dagstead("workflow", "generate", str(tmp_path / "r"), "--deployment", "eu").code == 0


def test_a_generated_pattern_takes_the_place_of_another(dagstead: Command, tmp_path: Path) -> None:
    root = tmp_path / "r"
    repository(root, SERVERLESS, HYBRID)
    for pattern in (*Pattern, *reversed(Pattern)):
        assert dagstead("workflow", "generate", str(root), "--pattern", pattern).code == 0
        names = sorted(each.name for each in (root / ".github" / "workflows").iterdir())
        alone = ["dagster-deploy.yml"]
        apart = ["dagster-deploy-digits.yml", "dagster-deploy-weather.yml"]
        assert names == (apart if pattern is Pattern.PER_LOCATION else alone)


def test_a_migration_leaves_no_two_that_deploy_the_same(
    dagstead: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    old = with_old(tmp_path / "r")
    monkeypatch.chdir(tmp_path / "r")

    said = dagstead("migrate", "--to", "root-workflows", "--write")

    assert said.code == 2
    assert "this workflow already deploys 'weather'" in said.err
    assert [each.name for each in old.parent.iterdir()] == ["ship.yml"]


@pytest.mark.parametrize("pattern", Pattern)
@pytest.mark.parametrize("tool", [DeployTool.CLI, DeployTool.OFFICIAL_ACTION])
def test_what_has_to_be_done_before_the_build_is_done(
    pattern: Pattern, tool: DeployTool, tmp_path: Path
) -> None:
    project = repository(tmp_path, SERVERLESS, HYBRID)
    settings = '[tool.dagstead]\nbefore-build = ["pip install -e .", "dbt parse \'a b\'"]\n'
    (tmp_path / "weather" / "pyproject.toml").write_text(settings, encoding="utf-8")

    made = [each.text for each in generate(project, Options(pattern=pattern, tool=tool))]

    (text,) = (each for each in made if "dbt parse" in each)
    assert text.count("(cd weather && sh -c 'pip install -e .')") == 1
    assert text.index("dbt parse") < text.index("ci build")
    if pattern is Pattern.MATRIX:
        assert "if: contains(fromJSON('[\"weather\"]'), matrix.location)" in text


def test_gitlab_prepares_where_it_builds(tmp_path: Path) -> None:
    project = repository(tmp_path, SERVERLESS, HYBRID)
    settings = '[tool.dagstead]\nbefore-build = ["make manifest"]\n'
    (tmp_path / "digits" / "pyproject.toml").write_text(settings, encoding="utf-8")

    (made,) = generate(project, Options(provider=Provider.GITLAB))

    images, _, rest = made.text.partition("dagster-deploy-branch:")
    assert "(cd digits && sh -c 'make manifest')" in images
    assert "make manifest" not in rest


def test_commands_that_run_before_the_build_are_not_named(
    dagstead: Command, tmp_path: Path
) -> None:
    with_old(tmp_path / "r")
    settings = (
        '[tool.dagstead]\nbefore-build = ["pip install -e .", "dbt parse --project-dir models"]\n'
    )
    (tmp_path / "r" / "pyproject.toml").write_text(settings, encoding="utf-8")

    said = dagstead("workflow", "generate", str(tmp_path / "r"), "--keep-old")

    assert "dbt parse" not in said.err
    assert "actions/checkout" in said.err


def test_a_migration_replaces_them_and_its_undo_restores_them(
    dagstead: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    old = with_old(tmp_path / "r")
    before = old.read_bytes()
    monkeypatch.chdir(tmp_path / "r")

    said = dagstead("migrate", "--to", "root-workflows", "--replace", "--write")
    assert said.code == 0, said.err
    assert "removed .github/workflows/ship.yml" in said.out
    assert "dbt parse" in said.err
    assert [each.name for each in old.parent.iterdir()] == ["dagster-deploy-weather.yml"]

    assert dagstead("migrate", "--undo").code == 0
    assert [each.name for each in old.parent.iterdir()] == ["ship.yml"]
    assert old.read_bytes() == before


def test_only_workflows_are_replaced(dagstead: Command, tmp_path: Path) -> None:
    with_old(tmp_path / "r")

    said = dagstead("migrate", str(tmp_path / "r"), "--to", "root", "--replace")

    assert said.code == 2
    assert "--to root-workflows" in said.err


def test_a_workflow_of_unknown_locations_may_deploy_them(dagstead: Command, tmp_path: Path) -> None:
    chosen = _OLD.replace('"ci deploy"', '"ci deploy --location-name=${{ inputs.which }}"')
    with_old(tmp_path / "r", chosen)

    said = dagstead("workflow", "generate", str(tmp_path / "r"))

    assert "this workflow may already deploy 'weather'" in said.err
