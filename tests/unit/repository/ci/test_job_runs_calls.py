"""Workflows and actions that are called, and what is known of a location in the end."""

from __future__ import annotations

from pathlib import Path

from dagstead.repository.ci.acts import ActKind, BuildMethod
from dagstead.repository.ci.model import Event
from dagstead.repository.ci.patterns import Shape
from dagstead.repository.rules.workflows.examples import ETL, TRAIN, WORKFLOW, workflow
from tests.unit.repository.ci.followed import ON_ALL, action, followed

CALLED = """\
on:
  workflow_call:
    inputs:
      location:
        required: true
env:
  FILE: ${{ inputs.location }}/dagster_cloud.yaml
jobs:
  prepare:
    runs-on: ubuntu-24.04
    outputs:
      go: ${{ steps.prerun.outputs.result }}
    steps:
      - id: prerun
        uses: dagster-io/dagster-cloud-action/actions/utils/prerun@v1.13.7
  deploy:
    needs: prepare
    if: needs.prepare.outputs.go != 'skip'
    runs-on: ubuntu-24.04
    steps:
      - uses: ./.github/actions/begin
        with:
          file: ${{ env.FILE }}
      - run: |
          dagster-cloud ci set-build-output \\
            --location-name=${{ inputs.location }} --image-tag x
          dagster-cloud ci deploy
"""
BEGINS = """\
inputs:
  file:
    default: none.yaml
runs:
  using: composite
  steps:
    - run: dagster-cloud ci init --project-dir . --dagster-cloud-yaml-path ${{ inputs.file }}
      shell: bash
"""


def caller(name: str) -> str:
    return (
        f"on:\n{ON_ALL}jobs:\n  deploy:\n    uses: ./.github/workflows/called.yml\n"
        f"    with:\n      location: {name}\n"
    )


def test_a_called_workflow_and_action_are_part_of_the_caller(tmp_path: Path) -> None:
    found = followed(
        tmp_path,
        {
            ".github/workflows/called.yml": CALLED,
            ".github/actions/begin/action.yml": BEGINS,
            ".github/workflows/etl.yml": caller("etl"),
            ".github/workflows/train.yml": caller("train"),
            "etl/dagster_cloud.yaml": "locations:\n" + ETL,
            "train/dagster_cloud.yaml": "locations:\n" + TRAIN,
        },
    )

    etl = found.of(".github/workflows/etl.yml")
    assert etl is not None
    assert [(act.does, act.chosen.names, act.file) for _, act in etl.acts(Event.PUSH)] == [
        (ActKind.NOTIFY, (), None),
        (ActKind.BEGIN, (), "etl/dagster_cloud.yaml"),
        (ActKind.RECORD, ("etl",), None),
        (ActKind.DEPLOY, (), None),
    ]
    assert [act.does for _, act in etl.acts(Event.CLOSE)] == [ActKind.CLOSE]
    assert found.verdict.shape is Shape.PER_LOCATION
    shapes = [each.verdict.shape for each in found.workflows]
    assert shapes == [Shape.CALLED, Shape.PER_LOCATION, Shape.PER_LOCATION]


def test_a_workflow_that_calls_itself_ends(tmp_path: Path) -> None:
    text = "on: [push, workflow_call]\njobs:\n  again:\n    uses: ./.github/workflows/deploy.yml\n"

    (only,) = followed(tmp_path, {WORKFLOW: text}).workflows

    assert only.runs == ()


def test_a_use_says_where_a_location_is_deployed_and_what_starts_it(tmp_path: Path) -> None:
    text = workflow(
        action("utils/ci-init", project_dir=".", location_names="'[\"etl\"]'"),
        action("utils/dagster-cloud-cli", command="ci build --build-strategy python-executable"),
        action("utils/dagster-cloud-cli", command="ci deploy"),
        on="  push:\n    branches: [main, release/**]\n    paths: [etl/**]\n",
    )
    found = followed(tmp_path, {WORKFLOW: text})
    etl, train = found.project.locations

    (use,) = found.uses_of(etl)
    assert (use.workflow, use.certain, use.events) == (WORKFLOW, True, (Event.PUSH,))
    assert use.branches == ("main", "release/**")
    assert use.paths == ("etl/**",)
    assert [str(each) for each in use.deploys] == [f"{WORKFLOW}:18:20"]
    assert found.uses_of(train) == ()


_PIPELINE = """\
request:
  rules: [if: $CI_PIPELINE_SOURCE == "merge_request_event"]
  script:
    - BRANCH=$(dagster-cloud branch-deployment create-or-update --branch-name $CI_COMMIT_REF_NAME)
    - /gitlab_action/deploy.py ./dagster_cloud.yaml $BRANCH
push:
  rules: [if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH]
  script:
    - python /gitlab_action/parse_workspace.py dagster_cloud.yaml >> build.env
    - python /gitlab_action/deploy.py ./dagster_cloud.yaml
end:
  rules: [if: $CI_PIPELINE_SOURCE == "merge_request_event"]
  when: manual
  script:
    - dagster-cloud branch-deployment create-or-update --pull-request-status "CLOSED"
"""


def test_the_programs_for_gitlab_in_the_image_of_the_official_action_are_known(
    tmp_path: Path,
) -> None:
    found = followed(tmp_path, {".gitlab-ci.yml": _PIPELINE})

    (only,) = found.workflows
    assert not any(run.is_opaque for run in only.runs)
    (pushed,) = (act for _, act in only.acts(Event.PUSH))
    assert (pushed.does, pushed.file) == (ActKind.BUILD_AND_DEPLOY, "dagster_cloud.yaml")
    assert pushed.strategy is BuildMethod.PEX
    changed = [act.does for _, act in only.acts(Event.CHANGE)]
    assert changed == [ActKind.OPEN, ActKind.BUILD_AND_DEPLOY, ActKind.CLOSE]
    etl, _ = found.project.locations
    (use,) = found.uses_of(etl)
    assert use.certain
