"""What counts as deployed is what ``dagster-cloud ci init`` takes where CI runs it."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from dagstead.repository.ci.projects import read_project
from tests.unit.repository.ci.test_naming import workflow
from tests.unit.repository.files.test_deployed import cloud, dg, names, read

_ROOT = "dagster_cloud.yaml"
#: The folder and the file that a session is begun with.
_Start = tuple[str, str]
_HERE: _Start = (".", _ROOT)

#: Trees, and the sessions that CI begins; none where there is no CI.
TREES: Mapping[str, tuple[Mapping[str, str], Sequence[_Start]]] = {
    "one file": ({_ROOT: cloud("a", "b")}, []),
    "an example": ({_ROOT: cloud("a"), "example/dagster_cloud.yaml": cloud("x")}, []),
    "a template": ({_ROOT: cloud("a"), "t/{{ x }}/dagster_cloud.yaml": "locations: {{ x }}"}, []),
    "dg's tables": ({_ROOT: cloud("a"), "pyproject.toml": dg("z"), "b/dg.toml": "x = 1\n"}, []),
    "a copy": ({_ROOT: cloud("a", "b"), "b/dagster_cloud.yaml": cloud("b")}, []),
    "a variant": ({_ROOT: cloud("a"), "dagster_cloud_dev.yaml": cloud("a-dev")}, []),
    "an agent": ({_ROOT: cloud("a"), "agent/dagster_cloud.yaml": "instance_class: {}\n"}, []),
    "one below": (
        {_ROOT: cloud("a"), "ship/dagster_cloud.yaml": cloud("deck")},
        [("ship", _ROOT)],
    ),
    "one in another folder": (
        {"ship/dagster_cloud.yaml": cloud("deck"), "demo/dagster_cloud.yaml": cloud("x")},
        [(".", "ship/dagster_cloud.yaml")],
    ),
    "both": (
        {_ROOT: cloud("a"), "ship/dagster_cloud.yaml": cloud("deck")},
        [_HERE, ("ship", _ROOT)],
    ),
    "a variant that is named": (
        {_ROOT: cloud("a"), "dagster_cloud_live.yaml": cloud("a-live")},
        [(".", "dagster_cloud_live.yaml")],
    ),
    "one of each folder": (
        {f"{each}/dagster_cloud.yaml": cloud(each) for each in ("a", "b", "c")},
        [(each, _ROOT) for each in ("a", "b", "c")],
    ),
    "a name of ours": (
        {_ROOT: cloud("a"), "live/dagster-cloud.yml": cloud("live")},
        [("live", "dagster-cloud.yml")],
    ),
    "the input of a test": (
        {_ROOT: cloud("a"), "tests/data/dagster_cloud.yaml": cloud("probe")},
        [_HERE, ("tests/data", _ROOT)],
    ),
}


def taken_by_ci_init(root: Path, start: _Start, state: Path) -> list[str]:
    """The locations of a session."""
    with warnings.catch_warnings():
        # The package uses what its libraries no longer recommend.
        warnings.simplefilter("ignore", DeprecationWarning)
        commands = importlib.import_module("dagster_cloud_cli.commands.ci")
        commands.init_impl(
            organization="acme",
            deployment="prod",
            dagster_env=None,
            project_dir=str(root / start[0]),
            dagster_cloud_yaml_path=start[1],
            statedir=str(state),
            clean_statedir=False,
            location_name=[],
            git_url=None,
            commit_hash=None,
            status_url=None,
            snapshot_base_condition=None,
            require_branch_deployment=False,
        )
        kept = commands.state.FileStore(statedir=str(state))
        return [each.location_name for each in kept.list_locations()]


@pytest.mark.parametrize("tree", TREES)
def test_a_tree_gives_what_ci_init_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tree: str
) -> None:
    monkeypatch.setenv("DAGSTER_CLOUD_API_TOKEN", "no server is asked")
    for variable in ("GITHUB_ACTIONS", "GITLAB_CI", "CI"):
        monkeypatch.delenv(variable, raising=False)
    files, starts = TREES[tree]
    root = tmp_path / "repository"
    (root / ".git").mkdir(parents=True)
    commands = (
        f"run: dagster-cloud ci init --project-dir {folder} --dagster-cloud-yaml-path {file}"
        for folder, file in starts
    )
    read(root, {**files, **(workflow(*commands) if starts else {})})

    ours = names(read_project(root))

    theirs = [
        name
        for number, start in enumerate(starts or [_HERE])
        for name in taken_by_ci_init(root, start, tmp_path / f"state{number}")
    ]
    assert sorted(ours) == sorted(theirs)
