"""DW143: machines that GitHub has no longer, in jobs that ask for them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from dagstead.repository.files import read_project
from dagstead.repository.rules.base import Finding
from dagstead.repository.rules.checking import check
from tests.corpus.repository import DEPLOY, LOCATION, PACKAGE, Repository, repository_of

_PARTS = "dagster-io/dagster-cloud-action/actions"
_PREPARED = f"""
    on: {{push: {{branches: [main]}}}}
    env: {{ENABLE_FAST_DEPLOYS: "%s"}}
    jobs:
      choose:
        runs-on: %s
        outputs: {{found: "${{{{ steps.parse.outputs.build_info }}}}"}}
        steps:
          - {{id: begin, uses: {_PARTS}/utils/prerun@v1.13.7}}
          - id: parse
            if: steps.begin.outputs.result == 'docker-deploy'
            uses: {_PARTS}/utils/parse_workspace@v1.13.7
            with: {{dagster_cloud_file: dagster_cloud.yaml}}
          - if: steps.begin.outputs.result == 'pex-deploy'
            uses: {_PARTS}/build_deploy_python_executable@v1.13.7
            with: {{dagster_cloud_file: dagster_cloud.yaml}}
      image:
        runs-on: ubuntu-20.04
        needs: choose
        if: needs.choose.outputs.found
        strategy: {{matrix: {{location: "${{{{ fromJSON(needs.choose.outputs.found) }}}}"}}}}
        steps:
          - uses: {_PARTS}/serverless_prod_deploy@v1.13.7
            with: {{location: "${{{{ toJson(matrix.location) }}}}", organization_id: tides}}
    """


def _made(folder: Path, workflow: str) -> Repository:
    files: Mapping[str, str] = {
        "dagster_cloud.yaml": LOCATION,
        "pyproject.toml": PACKAGE,
        "tides/__init__.py": "",
        DEPLOY: workflow,
    }
    return repository_of(folder / "tides", files)


def _retired(folder: Path, workflow: str) -> list[Finding]:
    made = _made(folder, workflow)
    return [each for each in check(read_project(made.folder)) if each.code == "DW143"]


def test_a_job_that_is_never_started_asks_for_no_machine(tmp_path: Path) -> None:
    assert _retired(tmp_path, _PREPARED % ("true", "ubuntu-22.04")) == []


def test_the_same_job_is_reported_where_it_is_started(tmp_path: Path) -> None:
    (only,) = _retired(tmp_path, _PREPARED % ("false", "ubuntu-22.04"))

    assert only.position.line == 17
    assert only.found.instead == "Write ubuntu-24.04"


def test_a_machine_is_reported_once_for_a_workflow(tmp_path: Path) -> None:
    (only,) = _retired(tmp_path, _PREPARED % ("false", "ubuntu-20.04"))

    assert only.found.message == (
        "GitHub has retired ubuntu-20.04: this job never starts (also line 17)"
    )


def test_a_job_that_builds_a_pex_file_moves_to_where_the_action_builds_all(tmp_path: Path) -> None:
    (only,) = _retired(tmp_path, _PREPARED % ("true", "ubuntu-20.04"))

    assert only.found.message == "GitHub has retired ubuntu-20.04: this job never starts"
    assert only.found.instead == "Write ubuntu-22.04"


@pytest.mark.parametrize(
    ("runs_on", "reported"),
    [
        ("ubuntu-20.04", True),
        ("[ubuntu-20.04]", True),
        ("${{ matrix.machine }}", True),
        ("[self-hosted, ubuntu-20.04]", False),
        ("{group: ours, labels: ubuntu-20.04}", False),
        ("ubuntu-24.04", False),
    ],
)
def test_only_machines_of_github_are_retired(
    runs_on: str, *, reported: bool, tmp_path: Path
) -> None:
    matrix = "[ubuntu-20.04]" if "matrix" in runs_on else "[other]"
    workflow = f"""
        on: {{push: {{branches: [main]}}}}
        jobs:
          deploy:
            runs-on: {runs_on}
            strategy: {{matrix: {{machine: {matrix}}}}}
            steps:
              - uses: {_PARTS}/build_deploy_python_executable@v1.13.7
                with: {{dagster_cloud_file: dagster_cloud.yaml}}
        """

    assert bool(_retired(tmp_path, workflow)) is reported


def test_a_job_behind_a_skipped_one_starts_unless_it_was_cancelled(tmp_path: Path) -> None:
    workflow = f"""
        on: {{push: {{branches: [main]}}}}
        jobs:
          never:
            if: false
            runs-on: ubuntu-20.04
            steps: [{{run: make}}]
          deploy:
            needs: never
            if: ${{{{ !cancelled() }}}}
            runs-on: ubuntu-18.04
            steps:
              - uses: {_PARTS}/build_deploy_python_executable@v1.13.7
                with: {{dagster_cloud_file: dagster_cloud.yaml}}
        """

    (only,) = _retired(tmp_path, workflow)

    assert "ubuntu-18.04" in only.found.message


def test_the_page_of_a_location_has_what_stops_its_deploy(tmp_path: Path) -> None:
    made = _made(tmp_path, _PREPARED % ("true", "ubuntu-20.04"))

    page = made.said("explain", "tides")

    assert "DW143 GitHub has retired ubuntu-20.04" in page
    assert "nothing is known to be wrong" not in page


def test_the_page_of_a_location_has_nothing_of_another_one(tmp_path: Path) -> None:
    made = _made(tmp_path, _PREPARED % ("true", "ubuntu-22.04"))
    surge = "- {location_name: surge, code_source: {package_name: tides}"
    registry = "build: {registry: registry.example.com/surge}, agent_queue: north}"
    made.write({"dagster_cloud.yaml": f"{dedent(LOCATION)}  {surge}, {registry}\n"})

    assert "DW130" in made.said("explain", "surge")
    assert "DW130" not in made.said("explain", "tides")
