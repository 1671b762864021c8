"""The locations of dg, and what Docker gets for them, are those of ``dg plus deploy``."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from dagster_dg_cli.cli.plus.build import get_dockerfile_path
from dagster_dg_cli.cli.utils import create_temp_dagster_cloud_yaml_file
from dagster_dg_core.config import merge_build_configs
from dagster_dg_core.context import DgContext
from dagster_shared.utils import remove_none_recursively
from dagster_shared.yaml_utils import safe_load_yaml
from hypothesis import given, settings

from dagstead.build.model import DockerPlan
from dagstead.build.plan_options import PlanOptions
from dagstead.build.planning import make_plan
from dagstead.errors import InvalidInputError
from dagstead.model.location import Kind
from dagstead.repository.ci.projects import read_project
from dagstead.repository.files import Project
from tests.corpus.dg_trees import dg_trees, projects_in, written


@dataclass(frozen=True)
class Official:
    """What dg makes of a project."""

    project: Path
    entry: Mapping[str, Any]
    context: Path
    dockerfile: Path


def deployed_by_dg(root: Path, files: Mapping[str, str], state: Path) -> Iterator[Official]:
    """What ``dg plus deploy`` takes: from the root, or where that is nothing from each project."""
    context = DgContext.from_file_discovery_and_command_line_config(root, {})
    if context.root_path == root and (context.is_project or context.is_in_workspace):
        yield from _deployed(context, state)
        return
    for folder in projects_in(files):
        inner = DgContext.from_file_discovery_and_command_line_config(root / folder, {})
        yield from _deployed(inner, state / folder)


def _deployed(context: DgContext, state: Path) -> Iterator[Official]:
    state.mkdir(parents=True)
    made = create_temp_dagster_cloud_yaml_file(context, str(state))
    entries = safe_load_yaml(Path(made).read_text(encoding="utf-8"))["locations"]
    projects: list[tuple[DgContext, DgContext | None]] = [(context, None)]
    if not context.is_project:
        folders = [context.root_path / each.path for each in context.project_specs]
        projects = [(context.with_root_path(each), context) for each in folders]
    for entry, (project, workspace) in zip(entries, projects, strict=True):
        above = None if workspace is None else workspace.build_config
        build = merge_build_configs(above, project.build_config)
        yield Official(
            project=project.root_path,
            entry=remove_none_recursively(entry),
            context=Path(build.get("directory") or project.build_root_path),
            dockerfile=get_dockerfile_path(project, workspace),
        )


@settings(max_examples=80)
@given(files=dg_trees())
def test_any_tree_gives_what_dg_deploys(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, str]
) -> None:
    folder = tmp_path_factory.mktemp("tree").resolve()
    root = written(folder / "repository", files)
    settings_of_the_user = folder / "user.toml"
    settings_of_the_user.write_text("[cli]\nverbose = true\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DG_CLI_CONFIG", str(settings_of_the_user))
        theirs = {
            each.entry["location_name"]: each
            for each in deployed_by_dg(root, files, folder / "state")
        }

    project = read_project(root)

    ours = {each.name.value: each for each in project.locations}
    assert set(ours) == set(theirs)
    for name, official in theirs.items():
        plain = ours[name].node.plain()
        plain.pop("build", None)
        assert plain == {key: each for key, each in official.entry.items() if key != "build"}
        assert (root / ours[name].image_context).resolve() == official.context
        if ours[name].kind is Kind.HYBRID:
            assert (root / ours[name].build_folder).resolve() == official.context
            _assert_planned(project, name, official)


def _assert_planned(project: Project, name: str, official: Official) -> None:
    options = PlanOptions(locations=(name,), environment=os.environ)
    if not official.dockerfile.is_file() and not official.project.is_relative_to(official.context):
        # The one that dg writes would install a project that is not in what Docker gets.
        with pytest.raises(InvalidInputError, match="there is no Dockerfile"):
            make_plan(project, options)
        return
    (build,) = make_plan(project, options).builds
    assert build.directory == official.context
    assert isinstance(build.how, DockerPlan)
    if official.dockerfile.is_file():
        assert build.how.dockerfile == official.dockerfile
    else:
        assert build.how.generated is not None
        inside = official.project.relative_to(official.context).as_posix()
        assert (f'app/{inside}"' in build.how.generated) is (inside != ".")
