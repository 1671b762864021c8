"""Entries become dg projects, and dg projects entries; dg's own reading of them agrees."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from dagster_dg_cli.cli.utils import create_temp_dagster_cloud_yaml_file
from dagster_dg_core.context import DgContext
from dagster_shared.yaml_utils import safe_load_yaml

from dagstead.errors import LayoutError
from dagstead.repository.layouts.model import Layout
from tests.unit.repository.layouts.projects import migrated, planned

_FILE = "dagster_cloud.yaml"


def text(value: str) -> str:
    return dedent(value).lstrip("\n")


_CLOUD = text(
    """
    # What we deploy.
    locations:
      # Nightly.
      - location_name: etl  # the one
        code_source: {module_name: etl.definitions}
        build:
          # our registry
          registry: "host/etl"
          directory: etl
        container_context:
          # for kubernetes
          k8s:
            env_vars:   # two
              - A=1
            namespace: data
      - location_name: r-1
        agent_queue: gpu
        code_source:
          module_name: reports.all
        build: {directory: reports}
    """
)
_PYPROJECT = '[project]\r\nname = "etl"\r\n\r\n[tool.ruff]\r\nline-length = 100'
_DG = {
    "dg.toml": text(
        """
        # What we deploy.
        directory_type = "workspace"

        [[workspace.projects]]
        path = "etl"

        [[workspace.projects]]
        path = "reports"
        """
    ),
    "etl/build.yaml": '# our registry\nregistry: "host/etl"\n',
    "etl/container_context.yaml": text(
        """
        # for kubernetes
        k8s:
          env_vars:   # two
            - A=1
          namespace: data
        """
    ),
    "etl/pyproject.toml": (
        _PYPROJECT
        + "\r\n\r\n# Nightly.\r\n# the one\r\n[tool.dg]\r\n"
        + 'directory_type = "project"\r\n\r\n[tool.dg.project]\r\nroot_module = "etl"\r\n'
    ),
    "reports/dg.toml": text(
        """
        directory_type = "project"

        [project]
        root_module = "reports"
        code_location_target_module = "reports.all"
        code_location_name = "r-1"
        agent_queue = "gpu"
        """
    ),
}


def test_each_entry_becomes_a_project_of_a_workspace() -> None:
    assert migrated({_FILE: _CLOUD, "etl/pyproject.toml": _PYPROJECT}, Layout.DG) == _DG


def test_projects_become_entries_and_their_tables_go() -> None:
    after = migrated(_DG, Layout.ROOT, remove_dg=True)

    assert sorted(after) == [_FILE, "etl/pyproject.toml"]
    assert after["etl/pyproject.toml"] == _PYPROJECT + "\r\n"
    assert after[_FILE] == text(
        """
        # What we deploy.
        locations:
          # our registry
          # Nightly.
          # the one
          - location_name: etl
            code_source:
              module_name: etl.definitions
            build:
              directory: ./etl
              registry: "host/etl"
            container_context:
              # for kubernetes
              k8s:
                env_vars:   # two
                  - A=1
                namespace: data

          - location_name: "r-1"
            code_source:
              module_name: reports.all
            build:
              directory: ./reports
            agent_queue: gpu
        """
    ).replace('"r-1"', "r-1")


def test_dg_reads_the_same_out_of_what_was_made(tmp_path: Path) -> None:
    root = tmp_path / "root"
    for path, content in _DG.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content.encode())
    (tmp_path / "state").mkdir()

    context = DgContext.from_file_discovery_and_command_line_config(root, {})
    made = create_temp_dagster_cloud_yaml_file(context, str(tmp_path / "state"))
    entries: list[dict[str, Any]] = safe_load_yaml(Path(made).read_text())["locations"]

    assert entries == [
        {
            "location_name": "etl",
            "code_source": {"module_name": "etl.definitions"},
            "build": {"registry": "host/etl"},
            "container_context": {"k8s": {"env_vars": ["A=1"], "namespace": "data"}},
        },
        {
            "location_name": "r-1",
            "code_source": {"module_name": "reports.all"},
            "agent_queue": "gpu",
        },
    ]


def test_one_project_leaves_the_workspace() -> None:
    after = migrated(_DG, Layout.PER_LOCATION, names=frozenset({"r-1"}), remove_dg=True)

    assert "reports/dg.toml" not in after
    assert "reports/dagster_cloud.yaml" in after
    assert after["dg.toml"].count("path =") == 1
    assert {path: after[path] for path in _DG if path.startswith("etl/")} == {
        path: each for path, each in _DG.items() if path.startswith("etl/")
    }


def test_a_project_joins_the_workspace_that_is_there() -> None:
    entry = (
        "locations:\n  - location_name: a\n    code_source: {module_name: a.definitions}\n"
        "    build: {directory: a}\n"
    )

    after = migrated({**_DG, _FILE: entry}, Layout.DG)

    assert after["dg.toml"] == _DG["dg.toml"] + '\n[[workspace.projects]]\npath = "a"\n'
    assert _FILE not in after


def test_a_single_location_at_the_root_needs_no_workspace() -> None:
    entry = "locations:\n  - location_name: a\n    code_source: {module_name: a.definitions}\n"

    after = migrated({_FILE: entry, "pyproject.toml": '[project]\nname = "x"\n'}, Layout.DG)

    assert list(after) == ["pyproject.toml"]
    assert after["pyproject.toml"].endswith('root_module = "a"\ncode_location_name = "a"\n')


def test_what_a_workspace_says_of_all_is_in_each_entry() -> None:
    files = {
        **_DG,
        "build.yaml": "registry: host/all\n",
        "container_context.yaml": "k8s: {env_vars: [B=2]}\n",
    }

    after = migrated(files, Layout.ROOT, remove_dg=True)

    assert sorted(after) == [_FILE, "etl/pyproject.toml"]
    assert after[_FILE].count("- B=2\n") == 2 - after[_FILE].count("[B=2]")
    assert "registry: host/all" in after[_FILE]


def test_tables_written_in_another_way_go_too() -> None:
    inline = '[tool]\ndg = {directory_type = "project", project = {root_module = "a"}}\nx = 1\n'

    after = migrated({"a/pyproject.toml": inline}, Layout.PER_LOCATION, remove_dg=True)

    assert "dg" not in after["a/pyproject.toml"]
    assert "x = 1" in after["a/pyproject.toml"]


def test_dg_files_stay_where_dagster_cloud_yaml_defines_the_location() -> None:
    files = {**_DG, "etl/dagster_cloud.yaml": "locations:\n  - location_name: etl\n"}

    after = migrated(files, Layout.ROOT, names=frozenset({"etl"}))

    assert {path: after[path] for path in _DG} == _DG


_ONE = "locations:\n  - location_name: a\n    build: {directory: a}\n    "
_REFUSED = {
    "package": (_ONE + "code_source: {package_name: a}\n", "4:33: dg has no package_name. Write"),
    "file": (_ONE + "code_source: {python_file: a.py}\n", "4:32: dg has no python_file"),
    "no source": (_ONE + "agent_queue: x\n", "2:20: 'a' has no code_source"),
    "attribute": (
        _ONE + "code_source: {module_name: a}\n    attribute: x\n",
        "5:5: dg's files have no 'attribute'",
    ),
    "empty queue": (
        _ONE + "code_source: {module_name: a}\n    agent_queue: ''\n",
        "5:18: agent_queue is empty",
    ),
}


@pytest.mark.parametrize(("cloud", "words"), _REFUSED.values(), ids=list(_REFUSED))
def test_what_dg_cannot_say_is_refused_with_its_place(cloud: str, words: str) -> None:
    with pytest.raises(LayoutError) as caught:
        planned({_FILE: cloud}, Layout.DG)

    assert f"dagster_cloud.yaml:{words}" in caught.value.message


def test_what_only_dg_can_say_is_not_lost() -> None:
    files = {"a/dg.toml": 'directory_type = "project"\n[project]\nroot_module = "a"\nx = 1\n'}

    with pytest.raises(LayoutError, match="a/dg.toml:4:1: 'x' is for dg alone"):
        planned(files, Layout.ROOT, remove_dg=True)


def test_dg_keeps_its_files_unless_somebody_says_otherwise() -> None:
    for layout, made in (
        (Layout.ROOT, {_FILE}),
        (Layout.PER_LOCATION, {"etl/" + _FILE, "reports/" + _FILE}),
    ):
        plan = planned(_DG, layout)

        assert {each.path for each in plan.changes} == made
        assert all(each.before is None for each in plan.changes)
        assert any("add --remove-dg" in each for each in plan.remarks)


def test_a_file_of_dg_that_is_there_is_not_overwritten() -> None:
    files = {_FILE: _CLOUD, "etl/build.yaml": "# mine\n"}

    with pytest.raises(LayoutError, match="etl/build.yaml is there already"):
        planned(files, Layout.DG)


def test_a_package_becomes_the_module_of_its_name_when_asked() -> None:
    files = {_FILE: _ONE + "code_source: {package_name: a.b}\n"}

    after = migrated(files, Layout.DG, package_as_module=True)

    assert 'code_location_target_module = "a.b"' in after["a/dg.toml"]


_IN_UV = {
    "pyproject.toml": "[tool.uv.workspace]\nmembers = ['etl']\n",
    "etl/pyproject.toml": (
        '[project]\nname = "etl"\n[tool.dg]\ndirectory_type = "project"\n'
        '[tool.dg.project]\nroot_module = "etl"\n'
    ),
    "etl/build.yaml": "registry: host/etl\n",
}


def test_the_context_of_an_image_moves_with_a_project() -> None:
    plan = planned(_IN_UV | {"etl/Dockerfile": "FROM scratch\n"}, Layout.ROOT)
    after = migrated(_IN_UV, Layout.ROOT)

    assert "      directory: .\n      registry: host/etl\n" in after[_FILE]
    (remark,) = [each for each in plan.remarks if "Dockerfile" in each]
    assert "'etl' is built from '.', the workspace of uv, with etl/Dockerfile" in remark
    assert "--dockerfile 'etl=etl/Dockerfile'" in remark
    assert not any("Dockerfile" in each for each in planned(_DG, Layout.ROOT).remarks)


def test_a_generated_dockerfile_has_to_be_saved_before_its_project_moves() -> None:
    (remark,) = [each for each in planned(_IN_UV, Layout.ROOT).remarks if "Dockerfile" in each]

    assert "a Dockerfile that is generated for 'etl'" in remark
    assert "`dagstead plan --location 'etl' --show-dockerfile > etl/Dockerfile`" in remark


def test_an_image_of_one_folder_stays_one_in_a_workspace_of_uv() -> None:
    entry = (
        "locations:\n  - location_name: etl\n    code_source: {module_name: etl.definitions}\n"
        "    build: {directory: etl, registry: host/etl}\n"
    )
    files = {"pyproject.toml": _IN_UV["pyproject.toml"], _FILE: entry}

    after = migrated(files, Layout.DG)

    assert after["etl/build.yaml"] == "registry: host/etl\ndirectory: .\n"
