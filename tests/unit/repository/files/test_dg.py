"""dg projects and workspaces become the entries that ``dg plus deploy`` makes of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from dagster_dg_cli.cli.utils import create_temp_dagster_cloud_yaml_file
from dagster_dg_core.context import DgContext
from dagster_shared.utils import remove_none_recursively
from dagster_shared.yaml_utils import safe_load_yaml

from dagstead.model.location import Kind, Origin
from dagstead.repository.files import read_project

_FILES = {
    "dg.toml": """
        directory_type = "workspace"

        [workspace]
        [[workspace.projects]]
        path = "projects/etl"
        [[workspace.projects]]
        path = "projects/train"
        """,
    "build.yaml": "registry: registry.example.com/all\n",
    "container_context.yaml": "k8s:\n  env_vars: [A=1]\n  namespace: data\n",
    "projects/etl/pyproject.toml": """
        [project]
        name = "etl"

        [tool.dg]
        directory_type = "project"
        [tool.dg.project]
        root_module = "etl"
        """,
    "projects/train/pyproject.toml": """
        [tool.dg]
        directory_type = "project"
        [tool.dg.project]
        root_module = "train"
        code_location_name = "training"
        code_location_target_module = "train.all"
        agent_queue = "gpu"
        """,
    "projects/train/build.yaml": "directory: .\nregistry: registry.example.com/train\n",
    "projects/train/container_context.yaml": "k8s:\n  env_vars: [A=2]\n",
    "projects/alone/dg.toml": """
        directory_type = "project"
        [project]
        root_module = "alone"
        """,
}


def written(folder: Path) -> Path:
    for path, text in _FILES.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        lines = [line.removeprefix("        ") for line in text.splitlines()]
        target.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def official(root: Path, statedir: Path) -> list[dict[str, Any]]:
    statedir.mkdir(parents=True)
    context = DgContext.from_file_discovery_and_command_line_config(root, {})
    made = create_temp_dagster_cloud_yaml_file(context, str(statedir))
    entries: list[dict[str, Any]] = safe_load_yaml(Path(made).read_text())["locations"]
    return entries


def test_a_workspace_gives_what_dg_deploys(tmp_path: Path) -> None:
    root = written(tmp_path / "root")

    ours = {each.name.value: each for each in read_project(root).locations}

    theirs = official(root, tmp_path / "state")
    assert [each["location_name"] for each in theirs] == list(ours) == ["etl", "training"]
    for entry in theirs:
        location = ours[entry["location_name"]]
        plain = location.node.plain()
        build = entry.pop("build")
        plain.pop("build")
        assert plain == remove_none_recursively(entry)
        assert location.registry is not None
        assert location.registry.value == build["registry"]
        if "directory" in build:
            assert root / location.build_folder == Path(build["directory"])


def test_a_value_knows_which_file_it_is_from(tmp_path: Path) -> None:
    project = read_project(written(tmp_path))

    etl, training = (project.location(name) for name in ("etl", "training"))
    assert etl is not None
    assert etl.registry is not None
    assert training is not None
    assert training.registry is not None
    assert training.queue is not None
    assert str(etl.registry.position) == "build.yaml:1:11"
    assert etl.registry.origin is Origin.WORKSPACE
    assert str(training.registry.position) == "projects/train/build.yaml:2:11"
    assert training.registry.origin is Origin.OWN
    assert str(training.queue.position) == "projects/train/pyproject.toml:8:15"
    assert str(training.position) == "projects/train/pyproject.toml:6:22"
    assert etl.kind is Kind.HYBRID
    variables = training.node.get("container_context", "k8s", "env_vars")
    assert variables is not None
    assert [each.position.file for each in variables.items] == [
        "container_context.yaml",
        "projects/train/container_context.yaml",
    ]


def test_a_project_at_the_root_is_called_after_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "reports"
    folder.mkdir()
    text = '[tool.dg]\ndirectory_type = "project"\n[tool.dg.project]\nroot_module = "r"\n'
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")
    before = Path.cwd()
    os.chdir(folder)
    try:
        (location,) = read_project(Path()).locations
    finally:
        os.chdir(before)

    assert location.name.value == "reports"
    assert location.code_source is not None
    assert location.code_source.target.value == "r.definitions"
