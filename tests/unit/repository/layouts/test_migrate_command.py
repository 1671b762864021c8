"""``dagstead migrate``: what it prints, writes and takes back."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from dagstead.cli.options.migrate import LayoutName
from dagstead.repository.layouts.model import Layout
from tests.support.commands import run_here

_ETL = """\
# ours
locations:
  - location_name: etl
    code_source: {module_name: etl.definitions}
    build: {directory: ./etl}
  - location_name: reports
    code_source: {module_name: reports.definitions}
    build: {directory: ./reports, registry: registry.example.com/reports}
    agent_queue: gpu
"""


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return run_here("migrate", *arguments, cwd=cwd)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    for folder in (".git", "data/etl", "data/reports"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "data" / "dagster_cloud.yaml").write_text(_ETL, encoding="utf-8")
    return tmp_path


def listed(folder: Path) -> list[str]:
    found = (each for each in folder.rglob("*") if each.is_file() and ".git" not in each.parts)
    return sorted(each.relative_to(folder).as_posix() for each in found)


def test_without_write_a_diff_is_all(repository: Path) -> None:
    done = run("data", "--to", "per-location", cwd=repository)

    assert done.returncode == 0, done
    assert "+++ b/data/etl/dagster_cloud.yaml\n" in done.stdout
    assert "--- a/data/dagster_cloud.yaml\n+++ /dev/null\n" in done.stdout
    assert "Nothing was written; --write does" in done.stderr
    assert listed(repository) == ["data/dagster_cloud.yaml"]


def test_what_is_written_is_taken_back(repository: Path) -> None:
    done = run("data", "--to", "per-location", "--write", cwd=repository)
    assert done.returncode == 0, done
    assert listed(repository) == [
        "data/etl/dagster_cloud.yaml",
        "data/reports/dagster_cloud.yaml",
    ]

    undone = run("--undo", cwd=repository)

    assert undone.returncode == 0, undone
    assert "restored data/dagster_cloud.yaml" in undone.stdout
    assert listed(repository) == ["data/dagster_cloud.yaml"]
    assert (repository / "data" / "dagster_cloud.yaml").read_text(encoding="utf-8") == _ETL
    assert run("--undo", cwd=repository).returncode == 2


def test_each_location_gets_a_workflow(repository: Path) -> None:
    beside = ["data/etl/requirements.txt", "data/reports/Dockerfile"]
    for each in beside:
        (repository / each).write_text("# made from this\n", encoding="utf-8")
    done = run("data", "--to", "root-workflows", "--write", cwd=repository)

    assert done.returncode == 0, done
    assert listed(repository) == [
        ".github/workflows/dagster-deploy-etl.yml",
        ".github/workflows/dagster-deploy-reports.yml",
        "data/dagster_cloud.yaml",
        *beside,
    ]
    assert "Nothing has to change" in run("data", "--to", "root-workflows", cwd=repository).stderr
    assert run("--undo", cwd=repository).returncode == 0
    assert listed(repository) == ["data/dagster_cloud.yaml", *beside]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ([], "Use exactly one of"),
        (["--to", "root", "--undo"], "Use exactly one of"),
        (["--resume"], "nothing to resume"),
        (["--to", "root", "--location", "elt"], "no location 'elt'"),
        (["--to", "root", "--folder", "etl"], "NAME=PATH"),
    ],
)
def test_a_mistake_is_one_sentence(flags: list[str], words: str, repository: Path) -> None:
    done = run(*flags, cwd=repository)

    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_refusal_has_a_line_for_each_place(repository: Path) -> None:
    (repository / "data" / "reports").rmdir()
    (repository / "data" / "etl").rmdir()

    done = run("data", "--to", "per-location", cwd=repository)

    assert done.returncode == 2
    assert "dagster_cloud.yaml:5:24: there is no folder 'etl'" in done.stderr
    assert "dagster_cloud.yaml:8:24: there is no folder 'reports'" in done.stderr


def test_every_layout_can_be_asked_for() -> None:
    assert [str(each) for each in LayoutName] == [str(each) for each in Layout]


def test_workflows_that_deploy_what_goes_are_named(tmp_path: Path) -> None:
    entry = "locations:\n  - location_name: {0}\n    code_source: {{package_name: {0}}}\n"
    workflow = """\
on: {push: {branches: [main]}}
env: {WHERE: teams/STOCK, WHAT: dagster_cloud.yaml}
jobs:
  deploy:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v4
      - uses: dagster-io/dagster-cloud-action/actions/utils/ci-init@v1.13.7
        with: {project_dir: "./${{ env.WHERE }}", dagster_cloud_yaml_path: "${{ env.WHAT }}"}
      - run: dagster-cloud ci build --build-strategy=python-executable
      - run: dagster-cloud ci deploy
"""
    for name in ("stock", "sales"):
        (tmp_path / "teams" / name).mkdir(parents=True)
        file = tmp_path / "teams" / name / "dagster_cloud.yaml"
        file.write_text(entry.format(name), encoding="utf-8")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".github" / "workflows").mkdir(parents=True)
    path = tmp_path / ".github" / "workflows" / "stock.yml"
    path.write_text(workflow.replace("STOCK", "stock"), encoding="utf-8")

    done = run("--to", "root", cwd=tmp_path)

    (note,) = (each for each in done.stderr.splitlines() if "which is removed" in each)
    assert note.startswith("note: .github/workflows/stock.yml:8:15 deploys teams/stock/dagster")

    script = "team=sales\ndagster-cloud ci init --project-dir teams/$team --deployment prod\n"
    (tmp_path / "release.sh").write_text(script, encoding="utf-8")
    path.unlink()
    done = run("--to", "root", cwd=tmp_path)

    (note,) = (each for each in done.stderr.splitlines() if "which is removed" in each)
    assert note.startswith("note: release.sh deploys teams/sales/dagster_cloud.yaml, which is")
