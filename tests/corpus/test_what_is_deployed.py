"""Faults that people met: locations and contexts that are not what the official tools deploy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from dagster_dg_core.context import DgContext

from tests.corpus.repository import DEPLOY, LOCATION, PACKAGE, repository_of
from tests.support.git import git

_WITH_UV = {
    "pyproject.toml": """
        [project]
        name = "harbour"
        version = "0"

        [tool.uv.workspace]
        members = ["apps/*", "shared/*"]

        [tool.dg]
        directory_type = "workspace"

        [[tool.dg.workspace.projects]]
        path = "apps/tides"
        """,
    "shared/charts/pyproject.toml": '[project]\nname = "charts"\nversion = "0"\n',
    "shared/charts/src/charts/__init__.py": "",
    "apps/tides/pyproject.toml": """
        [project]
        name = "tides"
        version = "0"
        dependencies = ["dagster", "dagster-cloud", "charts"]

        [tool.uv.sources]
        charts = { workspace = true }

        [tool.dg]
        directory_type = "project"

        [tool.dg.project]
        root_module = "tides"
        agent_queue = "north"
        """,
    "apps/tides/build.yaml": "registry: registry.example.com/tides\n",
    "apps/tides/Dockerfile": "FROM python:3.12-slim\nCOPY . /app\nRUN uv sync --package tides\n",
    "apps/tides/src/tides/__init__.py": "",
    "apps/tides/src/tides/definitions.py": "",
}
_DG_DEPLOY = """
    on: {push: {branches: [main]}}
    jobs:
      deploy:
        runs-on: ubuntu-24.04
        steps:
          - uses: actions/checkout@v4
          - uses: dagster-io/dagster-cloud-action/actions/utils/dg-deploy-init@v1.13.7
            with: {project_dir: ., deployment: prod}
          - uses: dagster-io/dagster-cloud-action/actions/utils/dg-cli@v1.13.7
            with: {command: "plus deploy build-and-push --agent-type=serverless"}
          - uses: dagster-io/dagster-cloud-action/actions/utils/dg-cli@v1.13.7
            with: {command: "plus deploy finish"}
    """
_CI_DEPLOY = """
    on: {push: {branches: [main]}}
    jobs:
      deploy:
        runs-on: ubuntu-24.04
        steps:
          - uses: actions/checkout@v4
          - uses: dagster-io/dagster-cloud-action/actions/utils/ci-init@v1.13.7
            with: {project_dir: ., deployment: prod}
          - uses: dagster-io/dagster-cloud-action/actions/utils/dagster-cloud-cli@v1.13.7
            with: {command: "ci build --build-strategy=python-executable"}
          - uses: dagster-io/dagster-cloud-action/actions/utils/dagster-cloud-cli@v1.13.7
            with: {command: "ci deploy"}
    """
_BESIDE_DG = {
    "dagster_cloud.yaml": LOCATION,
    "src/surge/__init__.py": "",
    "src/surge/definitions.py": "",
    "src/tides/__init__.py": "",
    "pyproject.toml": """
        [project]
        name = "surge"
        version = "1"
        dependencies = ["dagster", "dagster-cloud"]

        [tool.dg]
        directory_type = "project"

        [tool.dg.project]
        root_module = "surge"
        """,
}


@pytest.mark.parametrize("in_uv", [True, False], ids=["uv", "plain"])
@pytest.mark.parametrize("directory", ["", "directory: .\n"], ids=["left-out", "written"])
def test_an_image_of_dg_is_built_from_the_folder_that_dg_takes(
    tmp_path: Path, directory: str, *, in_uv: bool
) -> None:
    build = f"{directory}registry: registry.example.com/tides\n"
    files = {**_WITH_UV, "apps/tides/build.yaml": build}
    if not in_uv:
        table = '[tool.uv.workspace]\n        members = ["apps/*", "shared/*"]'
        files["pyproject.toml"] = files["pyproject.toml"].replace(table, "")
    made = repository_of(tmp_path / "harbour", files)
    project = made.folder / "apps" / "tides"
    official = DgContext.from_file_discovery_and_command_line_config(project, {})
    config: Mapping[str, Any] = official.build_config or {}
    written = config.get("directory")
    context = project / written if written else official.build_root_path

    planned = made.plan()["tides"]

    assert made.folder / planned["folder"] == context.resolve()
    assert planned["dockerfile"] == "apps/tides/Dockerfile"


def test_every_command_shows_the_context_of_an_image_of_dg(tmp_path: Path) -> None:
    made = repository_of(tmp_path / "harbour", _WITH_UV)

    explained = made.run("explain", "tides").stdout
    migrated = made.run("migrate", "--to", "root")

    lines = [line.split() for line in explained.splitlines()]
    assert ["folder", "."] in lines
    assert ["dockerfile", "apps/tides/Dockerfile"] in lines
    if migrated.returncode == 0:
        assert "directory: ." in migrated.stdout.replace("directory: ./", "directory: /")
    assert "apps/tides/Dockerfile" in migrated.stdout + migrated.stderr


def test_a_folder_whose_name_is_a_template_holds_no_configuration(tmp_path: Path) -> None:
    template = LOCATION.replace("tides", "{{ cookiecutter.slug }}")
    made = repository_of(
        tmp_path / "harbour",
        {
            "dagster_cloud.yaml": LOCATION,
            "pyproject.toml": PACKAGE,
            "tides/__init__.py": "",
            "new/{{cookiecutter.slug}}/dagster_cloud.yaml": template,
        },
    )

    assert made.run("check").returncode == 0
    assert made.locations() == {"tides"}


@pytest.mark.parametrize("folder", ["template", "tools/skeleton", "templates/new"])
def test_a_template_in_a_folder_for_templates_is_no_configuration(
    tmp_path: Path, folder: str
) -> None:
    template = LOCATION.replace("tides", "{{ project_slug }}")
    path = f"{folder}/dagster_cloud.yaml"
    alone = repository_of(tmp_path / "alone", {path: template, "copier.yml": "_subdirectory: x\n"})
    plain = repository_of(tmp_path / "plain", {path: LOCATION, f"{folder}/tides/__init__.py": ""})

    assert alone.errors() == alone.warnings() == []
    assert "it is part of a template" in alone.said("plan")
    assert plain.locations() == {"tides"}


def test_an_excluded_folder_is_left_out_by_every_command(tmp_path: Path) -> None:
    made = repository_of(
        tmp_path / "harbour",
        {
            "dagster_cloud.yaml": LOCATION,
            "pyproject.toml": PACKAGE + '\n    [tool.dagstead]\n    exclude = ["samples"]\n',
            "tides/__init__.py": "",
            "samples/one/dagster_cloud.yaml": "locations:\n  - location_name: sample:\n",
            "samples/two/dagster_cloud.yaml": LOCATION.replace("tides", "sample"),
            "samples/values.yaml": "dagsterCloud:\n  agentQueues:\n    additionalQueues: north\n",
            DEPLOY: _CI_DEPLOY,
        },
    )

    assert made.errors() == []
    assert made.locations() == {"tides"}
    assert set(made.plan()) == {"tides"}
    for arguments in (["workflows", "inspect"], ["changes", "--format", "json"], ["routes"]):
        assert "sample" not in made.said(*arguments)


def test_what_git_tracks_counts_though_it_is_ignored(tmp_path: Path) -> None:
    made = repository_of(
        tmp_path / "harbour",
        {".gitignore": "*.yaml\n", "pyproject.toml": PACKAGE, "tides/__init__.py": ""},
    )
    made.write({"dagster_cloud.yaml": LOCATION})
    assert made.locations() == set()

    git(made.folder, "add", "--force", "dagster_cloud.yaml")

    assert made.run("check").returncode == 0
    assert made.locations() == {"tides"}
    assert set(made.plan()) == {"tides"}


@pytest.mark.parametrize(
    ("workflow", "names"),
    [(_CI_DEPLOY, {"tides"}), (_DG_DEPLOY, {"harbour"}), (None, {"tides"})],
    ids=["ci", "dg", "none"],
)
def test_one_tool_says_what_is_deployed(
    tmp_path: Path, workflow: str | None, names: set[str]
) -> None:
    files = {**_BESIDE_DG, **({DEPLOY: workflow} if workflow else {})}
    made = repository_of(tmp_path / "harbour", files)

    assert made.locations() == names
    assert set(made.plan()) == names
    assert made.errors() == []
    if workflow:
        assert made.run("workflows", "inspect").returncode == 0


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("tests/fixtures/shop/dagster_cloud.yaml", LOCATION.replace("tides", "fixture")),
        ("examples/first/dagster_cloud.yaml", LOCATION.replace("tides", "example")),
        (".dagster/home/dagster-cloud.yaml", "run_launcher: {module: a.b, class: C}\n"),
        ("tests/fixtures/bad/dagster_cloud.yaml", "locations:\n  - location_name: fixture:\n"),
        ("docs/build.yaml", "steps:\n  - {name: pages, registry: none}\n"),
    ],
)
def test_a_file_that_nothing_deploys_is_no_location_and_no_error(
    tmp_path: Path, path: str, text: str
) -> None:
    made = repository_of(
        tmp_path / "harbour",
        {
            "dagster_cloud.yaml": LOCATION,
            "pyproject.toml": PACKAGE,
            "tides/__init__.py": "",
            path: text,
        },
    )

    assert made.errors() == []
    assert made.locations() == {"tides"}


def test_the_file_that_a_workflow_names_is_deployed_and_not_the_one_at_the_root(
    tmp_path: Path,
) -> None:
    named = _CI_DEPLOY.replace("project_dir: .", "project_dir: north")
    made = repository_of(tmp_path / "harbour", _two_files(named))

    assert made.locations() == {"north"}


@pytest.mark.parametrize(
    ("path", "command"),
    [
        ("deploy.sh", "dagster-cloud ci init --project-dir north --deployment prod"),
        ("deploy.sh", "dagster-cloud ci init --dagster-cloud-yaml-path north/dagster_cloud.yaml"),
        ("deploy.sh", "dagster-cloud workspace sync -w north/dagster_cloud.yaml"),
        ("Makefile", "dagster-cloud workspace sync --workspace north/dagster_cloud.yaml"),
        ("Makefile", "cd north && dagster-cloud ci init --deployment prod"),
        ("Jenkinsfile", "sh 'dagster-cloud ci init --project-dir north --deployment prod'"),
    ],
)
def test_a_file_that_a_script_deploys_counts(tmp_path: Path, path: str, command: str) -> None:
    files = _two_files(f"deploy:\n\t{command}\n" if path == "Makefile" else f"{command}\n")
    files[path] = files.pop(DEPLOY)

    made = repository_of(tmp_path / "harbour", files)

    assert "north" in made.locations()
    assert "north" in made.plan()


def test_a_checkout_below_a_path_is_still_the_repository(tmp_path: Path) -> None:
    """The official template checks the repository out into ``project-repo``."""
    workflow = """
        on: {push: {branches: [main]}}
        env: {DAGSTER_CLOUD_FILE: dagster_cloud.yaml}
        jobs:
          deploy:
            runs-on: ubuntu-24.04
            steps:
              - uses: actions/checkout@v4
                with: {path: north}
              - uses: dagster-io/dagster-cloud-action/actions/build_deploy_python_executable@v1.13.7
                with:
                  dagster_cloud_file: "$GITHUB_WORKSPACE/north/$DAGSTER_CLOUD_FILE"
                  python_version: "3.12"
        """
    made = repository_of(tmp_path / "harbour", _two_files(workflow))

    assert made.locations() == {"tides"}


def _two_files(workflow: str) -> dict[str, str]:
    return {
        "dagster_cloud.yaml": LOCATION,
        "pyproject.toml": PACKAGE,
        "tides/__init__.py": "",
        "north/dagster_cloud.yaml": LOCATION.replace("tides", "north"),
        "north/pyproject.toml": PACKAGE.replace("tides", "north"),
        "north/north/__init__.py": "",
        DEPLOY: workflow,
    }


def test_a_hybrid_project_of_dg_without_a_dockerfile_gets_one(tmp_path: Path) -> None:
    files = {**_WITH_UV}
    del files["apps/tides/Dockerfile"]
    made = repository_of(tmp_path / "harbour", files)

    assert made.findings() == []
    assert made.plan()["tides"]["with"] == "generated Dockerfile"
