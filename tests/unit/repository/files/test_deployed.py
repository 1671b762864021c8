"""Which of the files of a repository are in force, by the files alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from dagstead.repository.files import Project, read_project
from dagstead.repository.files.reader import with_changes, with_everything


def cloud(*names: str) -> str:
    entries = (f"  - {{location_name: {each}, code_source: {{module_name: m}}}}" for each in names)
    return "\n".join(("locations:", *entries, ""))


def dg(name: str = "") -> str:
    named = f'code_location_name = "{name}"\n' if name else ""
    return f'[tool.dg]\ndirectory_type = "project"\n[tool.dg.project]\nroot_module = "m"\n{named}'


def workspace(*paths: str) -> str:
    listed = "".join(f'[[tool.dg.workspace.projects]]\npath = "{each}"\n' for each in paths)
    return f'[tool.dg]\ndirectory_type = "workspace"\n{listed}'


def read(folder: Path, files: Mapping[str, str]) -> Project:
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return read_project(folder)


def names(project: Project) -> list[str]:
    return [each.name.value for each in project.locations]


def left_out(project: Project) -> dict[str, str]:
    return {each.path: each.reason for each in project.left_out}


_ROOT = "dagster_cloud.yaml"


@pytest.mark.parametrize(
    "folder",
    [
        "template/{{cookiecutter.slug}}",
        "skeleton/{{ name }}/inner",
        "{% if x %}more{% endif %}",
        "[[ project ]]",
        "tests/fixtures/one",
        "src/__fixtures__",
        "testdata",
        "tests/test-repos/mixed",
    ],
)
@pytest.mark.parametrize("root", [True, False])
def test_templates_and_fixtures_are_no_configuration(
    tmp_path: Path, folder: str, *, root: bool
) -> None:
    files = {
        f"{folder}/dagster_cloud.yaml": "locations: {{ all }}\n",
        f"{folder}/more/pyproject.toml": dg("more"),
        (_ROOT if root else "quay/dagster_cloud.yaml"): cloud("quay"),
    }

    project = read(tmp_path, files)

    assert names(project) == ["quay"]
    assert all(each.is_expected for each in project.left_out)
    assert {each.path for each in project.files} == {_ROOT if root else "quay/dagster_cloud.yaml"}


def test_the_file_at_the_root_is_what_is_deployed(tmp_path: Path) -> None:
    project = read(
        tmp_path,
        {
            _ROOT: cloud("pier", "quay"),
            "example/dagster_cloud.yaml": cloud("sample"),
            "dagster_cloud_local.yaml": cloud("mine"),
        },
    )

    assert names(project) == ["pier", "quay"]
    assert [each.sentence for each in project.left_out] == [
        f"{path} is not deployed: dagster_cloud.yaml, which is at the root, is."
        for path in ("dagster_cloud_local.yaml", "example/dagster_cloud.yaml")
    ]


def test_files_that_repeat_the_root_count_as_definitions(tmp_path: Path) -> None:
    project = read(
        tmp_path,
        {
            _ROOT: cloud("pier", "quay"),
            "pier/dagster_cloud.yaml": cloud("pier"),
            "quay/pyproject.toml": dg(),
            "more/dagster_cloud.yaml": cloud("pier", "new"),
        },
    )

    assert [each.file for each in project.definitions] == [
        _ROOT,
        _ROOT,
        "pier/dagster_cloud.yaml",
        "quay/pyproject.toml",
    ]
    assert [each.file for each in project.locations] == [_ROOT, _ROOT]
    assert list(left_out(project)) == ["more/dagster_cloud.yaml"]


def test_of_two_names_the_one_that_commands_look_for_counts(tmp_path: Path) -> None:
    files = {
        _ROOT: cloud("a"),
        "dagster-cloud.yml": cloud("b"),
        "x/dagster_cloud.yml": cloud("c"),
    }

    project = read(tmp_path, files)

    assert names(project) == ["a"]
    assert left_out(project)["dagster-cloud.yml"] == "dagster_cloud.yaml is"


@pytest.mark.parametrize("text", ["", "# later\n", "locations: []\n", "{}\n"])
def test_a_root_file_without_locations_decides_nothing(tmp_path: Path, text: str) -> None:
    project = read(tmp_path, {_ROOT: text, "a/dagster_cloud.yaml": cloud("a")})

    assert names(project) == ["a"]
    assert project.file(_ROOT) is not None


def test_a_root_file_that_cannot_be_read_hides_nothing(tmp_path: Path) -> None:
    project = read(tmp_path, {_ROOT: "locations: [\n", "a/dagster_cloud.yaml": cloud("a")})

    assert names(project) == ["a"]
    assert project.left_out == ()


def test_without_a_root_file_each_folder_has_its_own(tmp_path: Path) -> None:
    files = {
        "a/dagster_cloud.yaml": cloud("a"),
        "b/dagster-cloud.yml": cloud("b"),
        "b/dagster_cloud_dev.yaml": cloud("b-dev"),
        "c/dagster_cloud_prod.yaml": cloud("c"),
    }

    project = read(tmp_path, files)

    assert names(project) == ["a", "b", "c"]
    assert left_out(project) == {"b/dagster_cloud_dev.yaml": "b/dagster-cloud.yml is"}


def test_dg_tables_beside_a_file_are_for_developing(tmp_path: Path) -> None:
    files = {
        _ROOT: cloud("warehouse"),
        "pyproject.toml": dg(),
        "build.yaml": "registry: registry.example.com/x\n",
        "container_context.yaml": "k8s: {namespace: x}\n",
    }

    project = read(tmp_path, files)

    assert names(project) == ["warehouse"]
    assert [each.path for each in project.files] == [_ROOT]
    assert left_out(project) == {
        "pyproject.toml": "dagster_cloud.yaml is, and no workflow runs `dg plus deploy`"
    }


def test_a_workspace_deploys_the_projects_that_it_lists(tmp_path: Path) -> None:
    files = {
        "pyproject.toml": workspace("one", "deep/two"),
        "one/pyproject.toml": dg(),
        "deep/two/dg.toml": 'directory_type = "project"\n[project]\nroot_module = "m"\n',
        "tools/scaffolds/pyproject.toml": dg("plugin"),
    }

    project = read(tmp_path, files)

    assert sorted(names(project)) == ["one", "two"]
    assert left_out(project) == {
        "tools/scaffolds/pyproject.toml": "it is not in the project list of pyproject.toml"
    }


def test_without_a_workspace_each_project_counts(tmp_path: Path) -> None:
    project = read(tmp_path, {"a/pyproject.toml": dg(), "b/pyproject.toml": dg()})

    assert names(project) == ["a", "b"]


def test_a_package_of_components_is_no_location(tmp_path: Path) -> None:
    offers = '[project.entry-points."dagster_dg_cli.registry_modules"]\nx = "rigging.components"\n'
    package = f'[project]\nname = "Our_Rigging"\n{offers}'
    user = '[project]\nname = "ship"\ndependencies = ["our-rigging >= 1", "dagster"]\n'
    files = {"rigging/pyproject.toml": package + dg(), "ship/pyproject.toml": user + dg()}

    used = read(tmp_path / "used", files)
    alone = read(tmp_path / "alone", {"rigging/pyproject.toml": package + dg()})

    assert names(used) == ["ship"]
    assert left_out(used) == {
        "rigging/pyproject.toml": "it is a package of components for ship/pyproject.toml"
    }
    assert names(alone) == ["rigging"]


_INSTANCE = "run_launcher: {module: m, class: C}\nstorage: {sqlite: {base_dir: x}}\n"
_AGENT = "instance_class: {module: dagster_cloud, class: DagsterCloudAgentInstance}\n"


@pytest.mark.parametrize(
    "text",
    [
        _INSTANCE,
        "load_from: [{python_file: a.py}]\n",
        "apiVersion: v1\nkind: ConfigMap\n",
        "on: push\njobs: {}\n",
        "services: {db: {image: x}}\n",
        "dagsterCloudAgent: {replicas: 1}\n",
    ],
)
def test_a_file_of_another_tool_is_no_location(tmp_path: Path, text: str) -> None:
    files = {"ops/dagster_cloud.yaml": text, "app/pyproject.toml": dg()}

    project = read(tmp_path, files)

    assert names(project) == ["app"]
    assert project.file("ops/dagster_cloud.yaml") is None


def test_an_agent_with_the_name_of_the_file_is_an_agent(tmp_path: Path) -> None:
    files = {"ops/dagster_cloud.yaml": _AGENT, "app/dagster_cloud.yaml": cloud("app")}

    project = read(tmp_path, files)

    assert {each.path: str(each.family) for each in project.files} == {
        "ops/dagster_cloud.yaml": "agent",
        "app/dagster_cloud.yaml": "dagster_cloud",
    }
    assert project.left_out == ()


def test_build_yaml_of_another_tool_is_no_part_of_dg(tmp_path: Path) -> None:
    files = {"app/pyproject.toml": dg(), "ci/build.yaml": "directory: out\nsteps: []\n"}

    assert [each.path for each in read(tmp_path, files).files] == ["app/pyproject.toml"]


def test_changed_files_are_decided_anew(tmp_path: Path) -> None:
    project = read(tmp_path, {_ROOT: cloud("a"), "b/dagster_cloud.yaml": cloud("b")})

    after = with_changes(project, {_ROOT: None})
    whole = with_everything(project)

    assert names(after) == ["b"]
    assert sorted(names(whole)) == ["a", "b"]
    assert sorted(names(with_changes(whole, {"c/dagster_cloud.yaml": cloud("c").encode()}))) == [
        "a",
        "b",
        "c",
    ]
