"""Faults that people met: layouts and generated files that did not keep what was there."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
import yaml

from tests.corpus.repository import DEPLOY, PACKAGE, Repository, repository_of
from tests.support.git import git

_ACTION = "dagster-io/dagster-cloud-action/actions/utils"
_MANIFEST = "dagster-dbt project prepare-and-package --file tides/project.py"
_SERVERLESS = {
    "dagster_cloud.yaml": """
        locations:
          - location_name: tides
            code_source: {package_name: tides}
        """,
    "tides/__init__.py": "",
    "dbt_project/dbt_project.yml": "name: tables\n",
    "pyproject.toml": PACKAGE.replace('"1"', '"1"\n    requires-python = ">=3.12,<3.13"'),
    DEPLOY: f"""
        on: {{push: {{branches: [trunk]}}}}
        jobs:
          deploy:
            runs-on: ubuntu-24.04
            steps:
              - uses: actions/checkout@v4
              - uses: {_ACTION}/ci-init@v1.13.7
                with: {{project_dir: ., deployment: prod}}
              - run: |
                  pip install .
                  {_MANIFEST}
              - uses: {_ACTION}/dagster-cloud-cli@v1.13.7
                with: {{command: "ci build --build-strategy=python-executable"}}
              - uses: {_ACTION}/dagster-cloud-cli@v1.13.7
                with: {{command: "ci deploy"}}
        """,
}
_GENERATED = ".github/workflows/dagster-deploy.yml"


@pytest.fixture
def generated(tmp_path: Path) -> tuple[Repository, str]:
    """A repository with a generated workflow, and what was said about it."""
    made = repository_of(tmp_path / "harbour", _SERVERLESS)
    git(made.folder, "branch", "--move", "trunk")
    return made, _generated(made)


def _generated(made: Repository, *arguments: str) -> str:
    """All that is said about a workflow that is generated beside one that deploys the same."""
    first = made.run("workflows", "generate", *arguments)
    said = first.stdout + first.stderr
    if first.returncode:
        assert "--keep-old" in said, first
        second = made.run("workflows", "generate", "--keep-old", *arguments)
        assert second.returncode == 0, second
        said += second.stdout + second.stderr
    return said


def test_a_step_before_the_build_is_kept_or_mentioned(generated: tuple[Repository, str]) -> None:
    made, said = generated

    assert "prepare-and-package" in made.read(_GENERATED) + said


def test_the_python_of_the_generated_build_is_that_of_the_plan(
    generated: tuple[Repository, str],
) -> None:
    made, _ = generated
    planned = made.plan()["tides"]["python_version"]

    text = made.read(_GENERATED)

    assert planned == "3.12"
    assert f"--python-version {planned}" in text or f"--python-version={planned}" in text
    assert "3.11" not in text


def test_a_generated_workflow_starts_on_the_branch_of_the_repository(
    generated: tuple[Repository, str],
) -> None:
    made, _ = generated

    # PyYAML reads the key `on` as true.
    triggers = yaml.safe_load(made.read(_GENERATED))[True]

    assert triggers["push"]["branches"] == ["trunk"]


def test_a_workflow_that_deploys_the_same_is_mentioned(generated: tuple[Repository, str]) -> None:
    _, said = generated

    assert DEPLOY in said


def test_a_build_with_setup_py_installs_setuptools(tmp_path: Path) -> None:
    files = {**_SERVERLESS, "setup.py": "from setuptools import setup\n\nsetup(name='tides')\n"}
    del files["pyproject.toml"]
    made = repository_of(tmp_path / "harbour", files)

    _generated(made, "--python", "3.12")

    assert "setuptools" in made.read(_GENERATED)


_EACH = {
    "apps/surge/dagster_cloud.yaml": """
        locations:
          # the one with the image
          - location_name: surge
            code_source: {package_name: surge}
            agent_queue: north
            # made by the platform team
            build:
              # its place
              registry: registry.example.com/surge
        """,
    "apps/surge/Dockerfile": "FROM python:3.12-slim\n",
    "apps/surge/surge/__init__.py": "",
    "apps/tides/dagster_cloud.yaml": """
        locations:
          - location_name: tides
            code_source: {package_name: tides}
        """,
    "apps/tides/pyproject.toml": PACKAGE,
    "apps/tides/tides/__init__.py": "",
}
_OF_ONE = {
    DEPLOY: f"""
        on: {{push: {{branches: [main], paths: ["apps/tides/**"]}}}}
        env: {{WHERE: apps/tides, FILE: dagster_cloud.yaml}}
        jobs:
          deploy:
            runs-on: ubuntu-24.04
            steps:
              - uses: actions/checkout@v4
              - uses: {_ACTION}/ci-init@v1.13.7
                with:
                  project_dir: "${{{{ env.WHERE }}}}"
                  dagster_cloud_yaml_path: "${{{{ env.FILE }}}}"
                  deployment: prod
              - uses: {_ACTION}/dagster-cloud-cli@v1.13.7
                with: {{command: "ci build --build-strategy=python-executable"}}
              - uses: {_ACTION}/dagster-cloud-cli@v1.13.7
                with: {{command: "ci deploy"}}
        """
}
_COMMENTS = ("# the one with the image", "# made by the platform team", "# its place")


@pytest.mark.parametrize("more", [{}, _OF_ONE], ids=["no-workflow", "workflow"])
def test_a_repair_writes_every_comment_once(tmp_path: Path, more: dict[str, str]) -> None:
    made = repository_of(tmp_path / "harbour", {**_EACH, **more})
    both = [made.read(f"apps/{name}/dagster_cloud.yaml") for name in ("tides", "surge")]
    made.write({"dagster_cloud.yaml": "".join(both)})

    repaired = made.run("migrate", "--repair", "--write")
    moved = made.run("migrate", "--to", "root", "--write")

    assert (repaired.returncode, moved.returncode) == (0, 0), (repaired, moved)
    text = made.read("dagster_cloud.yaml")
    for comment in _COMMENTS:
        assert text.count(comment) == 1, text
    assert made.locations() == {"surge", "tides"}


def test_a_workflow_that_reads_a_moved_file_is_named(tmp_path: Path) -> None:
    made = repository_of(tmp_path / "harbour", {**_EACH, **_OF_ONE})

    moved = made.run("migrate", "--to", "root", "--write")

    assert moved.returncode == 0, moved
    assert "deploy.yml" in moved.stdout + moved.stderr
    assert any(each.startswith(f"{DEPLOY}:") for each in made.errors())


_AS_DOCUMENTED = {
    "dagster_cloud.yaml": """
        locations:
          - location_name: tides
            code_source: {package_name: tides}
            working_directory: ./places/tides/src/
          - location_name: surge
            code_source: {package_name: surge}
            working_directory: ./places/surge/src/
            build: {registry: registry.example.com/surge}
            agent_queue: north
        """,
    "places/surge/Dockerfile": "FROM python:3.12-slim\nCOPY . .\n",
    "places/surge/pyproject.toml": PACKAGE.replace("tides", "surge"),
    "places/surge/src/surge/__init__.py": "",
    "places/tides/pyproject.toml": PACKAGE,
    "places/tides/src/tides/__init__.py": "",
}


def test_a_missing_build_directory_is_one_error_for_every_location(tmp_path: Path) -> None:
    made = repository_of(tmp_path / "harbour", _AS_DOCUMENTED)

    tides, surge = made.errors()

    assert "./places/tides" in tides
    assert "./places/surge" in surge
    assert "./places/surge" not in tides
    assert made.warnings() == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["plan"],
        ["plan", "--location", "tides"],
        ["build", "--location", "tides"],
        ["workflows", "generate"],
    ],
    ids=" ".join,
)
def test_every_command_that_cannot_go_on_says_the_same(
    tmp_path: Path, arguments: list[str]
) -> None:
    made = repository_of(tmp_path / "harbour", _AS_DOCUMENTED)

    ended = made.run(*arguments)

    assert ended.returncode in {1, 2}, ended
    assert "./places/tides" in ended.stdout + ended.stderr
    assert git(made.folder, "status", "--porcelain") == ""


def test_the_fix_makes_every_command_go_on(tmp_path: Path) -> None:
    made = repository_of(tmp_path / "harbour", _AS_DOCUMENTED)

    assert made.run("check", "--fix").returncode == 0

    plan = made.plan()
    assert plan["tides"]["folder"] == "places/tides"
    assert (plan["surge"]["folder"], plan["surge"]["with"]) == ("places/surge", "Dockerfile")
    for pattern in ("a", "b1", "b2", "b3", "c"):
        written = made.run("workflows", "generate", "--pattern", pattern)
        assert written.returncode == 0, written
        inspected = made.run("workflows", "inspect")
        assert inspected.returncode == 0, inspected
        git(made.folder, "clean", "--quiet", "--force", "-d", ".github")


@pytest.mark.parametrize(
    ("agent", "registry", "kept"),
    [
        ("serverless", "...", False),
        ("serverless", "registry.example.com/tides", True),
        ("hybrid", "...", True),
    ],
)
def test_what_dg_writes_for_no_registry_is_none_where_a_location_moves(
    agent: str, registry: str, *, kept: bool, tmp_path: Path
) -> None:
    dg = "dagster-io/dagster-cloud-action/actions/utils/dg"
    tables = "[tool.dg]\ndirectory_type = 'project'\n[tool.dg.project]\nroot_module = 'tides'\n"
    files = {
        "pyproject.toml": dedent(PACKAGE) + tables,
        "build.yaml": f"directory: .\nregistry: '{registry}'\n",
        "src/tides/__init__.py": "",
        "src/tides/definitions.py": "",
        DEPLOY: f"""
            on: {{push: {{branches: [main]}}}}
            jobs:
              deploy:
                runs-on: ubuntu-24.04
                steps:
                  - uses: {dg}-deploy-init@v1.13.7
                    with: {{project_dir: ., deployment: prod}}
                  - uses: {dg}-cli@v1.13.7
                    with: {{command: "plus deploy build-and-push --agent-type={agent}"}}
                  - uses: {dg}-cli@v1.13.7
                    with: {{command: "plus deploy finish"}}
            """,
    }
    made = repository_of(tmp_path / "tides", files)

    said = made.said("migrate", "--to", "root")

    assert "every location stays the same" in said
    assert ("registry:" in said) is kept
