"""What CI and scripts name decides where the files of a repository leave it open."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from dagstead.repository.ci.projects import read_project
from dagstead.repository.files import Project
from dagstead.repository.files.reader import with_changes
from tests.unit.repository.files.test_deployed import cloud, dg, left_out, names, workspace

_ROOT = "dagster_cloud.yaml"
_WORKFLOW = ".github/workflows/ship.yml"
_INIT = "dagster-io/dagster-cloud-action/actions/utils/ci-init@v1.13.7"
_DG_INIT = "dagster-io/dagster-cloud-action/actions/utils/dg-deploy-init@v1.13.7"
_PEX = "dagster-io/dagster-cloud-action/actions/build_deploy_python_executable@v1.13.7"

FILES = {
    _ROOT: cloud("pier"),
    "ship/dagster_cloud.yaml": cloud("deck"),
    "hull/pyproject.toml": dg(),
}


def workflow(*steps: str, env: str = "") -> dict[str, str]:
    text = "name: ship\non: {push: {branches: [main]}}\n"
    text += f"env: {{{env}}}\n" if env else ""
    lines = "".join(f"      - {each}\n" for each in steps)
    return {_WORKFLOW: f"{text}jobs:\n  ship:\n    runs-on: x\n    steps:\n{lines}"}


def read(folder: Path, *files: Mapping[str, str], at: str = ".") -> Project:
    (folder / ".git").mkdir()
    for path, text in {path: text for each in files for path, text in each.items()}.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return read_project(folder / at)


@pytest.mark.parametrize(
    "step",
    [
        f"uses: {_INIT}\n        with: {{project_dir: ship}}",
        f"uses: {_INIT}\n        with: {{project_dir: ., dagster_cloud_yaml_path: $WHERE}}",
        "run: dagster-cloud ci init --project-dir ./ship",
        "run: dagster-cloud ci init\n        working-directory: ship",
        "run: cd ship && dagster-cloud ci init --dagster-cloud-yaml-path dagster_cloud.yaml",
        "run: dagster-cloud ci init --dagster-cloud-yaml-path=$WHERE",
        f"uses: {_PEX}\n        with: {{dagster_cloud_file: $WHERE}}",
        "run: dagster-cloud serverless deploy-python-executable ship --location-file $WHERE",
        "run: dagstead deploy ship",
    ],
)
def test_the_file_that_ci_names_is_in_force_and_that_at_the_root_is_not(
    tmp_path: Path, step: str
) -> None:
    steps = workflow(step, env="WHERE: ship/dagster_cloud.yaml")

    project = read(tmp_path, FILES, steps)

    assert names(project) == ["deck"]
    assert sorted(left_out(project)) == [_ROOT, "hull/pyproject.toml"]


@pytest.mark.parametrize(
    "step",
    [
        "run: dagster-cloud ci init",
        "run: dagster-cloud ci init --project-dir $SOMEWHERE",
        "run: dagstead deploy",
        "run: echo nothing",
    ],
)
def test_the_root_stays_where_ci_takes_it_or_nobody_knows(tmp_path: Path, step: str) -> None:
    assert names(read(tmp_path, FILES, workflow(step))) == ["pier"]


@pytest.mark.parametrize(
    "step",
    [
        f"uses: {_DG_INIT}\n        with: {{project_dir: hull}}",
        "run: dg plus deploy --target-path hull",
        "run: uv run dg plus deploy start --target-path ./hull",
        "run: dg plus deploy\n        working-directory: hull",
    ],
)
def test_where_ci_uses_dg_alone_its_tables_are_in_force(tmp_path: Path, step: str) -> None:
    project = read(tmp_path, FILES, workflow(step))

    assert names(project) == ["hull"]
    assert left_out(project)[_ROOT] == "`dg plus deploy` deploys here, and does not read it"


def test_ci_may_use_both_tools(tmp_path: Path) -> None:
    steps = workflow("run: dg plus deploy --target-path hull", "run: dagster-cloud ci init")

    assert sorted(names(read(tmp_path, FILES, steps))) == ["hull", "pier"]


def test_a_project_out_of_the_list_counts_when_ci_names_it(tmp_path: Path) -> None:
    files = {
        "dg.toml": 'directory_type = "workspace"\nworkspace = {projects = [{path = "one"}]}\n',
        "one/pyproject.toml": dg(),
        "two/pyproject.toml": dg(),
        "three/pyproject.toml": dg(),
    }

    project = read(tmp_path, files, workflow("run: cd two/src && dg plus deploy"))

    assert sorted(names(project)) == ["one", "two"]


def test_a_workspace_below_is_deployed_by_its_list(tmp_path: Path) -> None:
    files = {
        _ROOT: cloud("pier"),
        "data/pyproject.toml": workspace("one"),
        "data/one/pyproject.toml": dg(),
        "data/two/pyproject.toml": dg(),
    }

    project = read(tmp_path, files, workflow("run: dg plus deploy --target-path data"))

    assert names(project) == ["one"]


_CI_INIT = "dagster-cloud ci init --dagster-cloud-yaml-path ship/dagster_cloud.yaml"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("Makefile", f"ship:\n\t@cd /srv; true\n\t@{_CI_INIT}\n"),
        ("scripts/ship.sh", f"#!/bin/sh\n{_CI_INIT}\n"),
        ("Jenkinsfile", f"node {{ sh '{_CI_INIT}' }}\n"),
        ("azure-pipelines.yml", f"steps:\n  - script: {_CI_INIT}\n"),
        (".env", "DAGSTER_CLOUD_FILE=$CHECKOUT/ship/dagster_cloud.yaml\n"),
    ],
)
def test_a_script_that_names_a_file_adds_it(tmp_path: Path, path: str, text: str) -> None:
    assert names(read(tmp_path, FILES, {path: text})) == ["pier", "deck"]


@pytest.mark.parametrize(
    ("path", "step"),
    [("Makefile", "run: make ship"), ("scripts/ship.sh", "run: bash ./scripts/ship.sh")],
)
def test_a_script_that_ci_runs_is_what_ci_does(tmp_path: Path, path: str, step: str) -> None:
    script = {path: f"ship:\n\t{_CI_INIT}\n" if path == "Makefile" else f"{_CI_INIT}\n"}

    assert names(read(tmp_path, FILES, script, workflow(step))) == ["deck"]


@pytest.mark.parametrize(
    "files",
    [
        {"Makefile": "# dagster-cloud ci init: see ship/dagster_cloud.yaml\n"},
        {"Makefile": "x:\n\tcp other/ship/dagster_cloud.yaml dagster_cloud.yaml\n"},
        {"Dockerfile": "COPY ship/dagster_cloud.yaml .\n"},
        {"README-deploy.md": "`dagster-cloud ci init`: ship/dagster_cloud.yaml\n"},
        {_WORKFLOW: "on: {push: {paths: [ship/dagster_cloud.yaml]}}\njobs: {}\n"},
    ],
)
def test_what_no_script_does_names_nothing(tmp_path: Path, files: Mapping[str, str]) -> None:
    assert names(read(tmp_path, FILES, files)) == ["pier"]


def test_a_script_that_runs_dg_makes_its_tables_count(tmp_path: Path) -> None:
    files = {"pyproject.toml": dg("keel"), "ops/dagster_cloud.yaml": cloud("x")}

    project = read(tmp_path, files, {"deploy.sh": "uv run dg plus deploy --yes\n"})

    assert names(project) == ["keel"]


def test_what_would_be_set_aside_counts_when_ci_names_it(tmp_path: Path) -> None:
    files = {_ROOT: cloud("pier"), "tests/it/dagster_cloud.yaml": cloud("probe")}
    steps = workflow(
        "run: dagster-cloud ci init", "run: dagster-cloud ci init --project-dir tests/it"
    )

    assert names(read(tmp_path, files, steps)) == ["pier", "probe"]


def test_a_variant_counts_when_ci_names_it(tmp_path: Path) -> None:
    files = {_ROOT: cloud("a"), "dagster_cloud_dev.yaml": cloud("a-dev")}
    steps = workflow(
        "run: dagster-cloud ci init",
        "run: dagster-cloud ci init --dagster-cloud-yaml-path dagster_cloud_dev.yaml",
    )

    assert names(read(tmp_path, files, steps)) == ["a", "a-dev"]


def test_a_file_of_another_tool_that_ci_names_is_taken_at_its_word(tmp_path: Path) -> None:
    files = {_ROOT: "storage: {x: y}\nrun_launcher: {}\n", "app/pyproject.toml": dg()}

    unnamed = read(tmp_path, files)
    (tmp_path / _WORKFLOW).parent.mkdir(parents=True)
    (tmp_path / _WORKFLOW).write_text(workflow("run: dagster-cloud ci init")[_WORKFLOW])
    named = read_project(tmp_path)

    assert (unnamed.file(_ROOT), names(unnamed)) == (None, ["app"])
    assert named.file(_ROOT) is not None


def test_inputs_of_a_workflow_that_is_called_name_the_file(tmp_path: Path) -> None:
    called = (
        "on: {workflow_call: {inputs: {folder: {type: string}}}}\njobs:\n  d:\n    runs-on: x\n"
        "    steps:\n      - run: dagster-cloud ci init --project-dir ${{ inputs.folder }}\n"
    )
    caller = (
        "on: push\njobs:\n  d:\n    uses: ./.github/workflows/one.yml\n    with: {folder: ship}\n"
    )
    files = {_WORKFLOW: caller, ".github/workflows/one.yml": called}

    assert names(read(tmp_path, FILES, files)) == ["deck"]


def test_names_are_found_from_a_folder_of_the_repository(tmp_path: Path) -> None:
    files = {f"data/{path}": text for path, text in FILES.items()}
    steps = workflow("run: dagster-cloud ci init --project-dir data/ship")

    assert names(read(tmp_path, files, steps, at="data")) == ["deck"]


def test_examples_give_way_to_what_ci_names(tmp_path: Path) -> None:
    files = {
        "ship/dagster_cloud.yaml": cloud("deck"),
        "example/dagster_cloud.yaml": cloud("sample"),
        "hull/dagster_cloud.yaml": cloud("hull"),
    }
    steps = workflow("run: dagster-cloud ci init --project-dir ship")

    assert names(read(tmp_path, files, steps)) == ["hull", "deck"]


@pytest.mark.parametrize(
    "step",
    [
        "run: dagster-cloud ci init --dagster-cloud-yaml-path ship/live.yaml",
        f"uses: {_INIT}\n        with: {{project_dir: ship, dagster_cloud_yaml_path: live.yaml}}",
        f"uses: {_PEX}\n        with: {{dagster_cloud_file: $WHERE}}",
    ],
)
@pytest.mark.parametrize("others", [FILES, {_ROOT: cloud("pier")}, {}])
def test_a_file_that_ci_names_may_have_any_name(
    tmp_path: Path, step: str, others: Mapping[str, str]
) -> None:
    files = {"ship/live.yaml": cloud("deck"), **workflow(step, env="WHERE: ship/live.yaml")}

    project = read(tmp_path, others, files)

    assert names(project) == ["deck"]
    assert [each.file for each in project.locations] == ["ship/live.yaml"]
    assert names(with_changes(project, {"ship/live.yaml": cloud("new").encode()})) == ["new"]


def test_a_file_that_ci_makes_is_not_there(tmp_path: Path) -> None:
    step = "run: dagster-cloud ci init --dagster-cloud-yaml-path made.yaml"

    assert names(read(tmp_path, FILES, workflow(step))) == ["pier"]


def test_a_root_file_that_has_all_that_ci_deploys_stays(tmp_path: Path) -> None:
    """So it shows that no workflow deploys one of its locations."""
    files = {
        _ROOT: cloud("bow", "stern"),
        "bow/dagster_cloud.yaml": cloud("bow"),
        "stern/dagster_cloud.yaml": cloud("stern"),
    }
    steps = workflow("run: dagster-cloud ci init --project-dir bow")

    assert names(read(tmp_path, files, steps)) == ["bow", "stern"]
