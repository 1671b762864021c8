"""Rules about workflows: one fault is reported once, the same by every command."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from dagstead.repository.ci.inspection import inspect
from dagstead.repository.files import read_project
from dagstead.repository.rules.base import Finding, Rule, Subject
from dagstead.repository.rules.checking import check
from dagstead.repository.rules.registry import all_rules, rules_about
from dagstead.repository.rules.workflows.examples import (
    BEGIN,
    CI_INIT,
    DEPLOY,
    ETL,
    TRAIN,
    WORKFLOW,
    call,
    locations,
    workflow,
)
from tests.unit.repository.ci.followed import examine

_CODES = frozenset(rule.code for rule in rules_about(Subject.WORKFLOWS))
_DG_INIT = "uses: dagster-io/dagster-cloud-action/actions/utils/dg-deploy-init@v1.13.7"


def found_in(root: Path, files: Mapping[str, str]) -> tuple[Finding, ...]:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8", errors="surrogateescape")
    return check(read_project(root))


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: rule.code)
def test_check_and_inspect_find_the_same_in_workflows(rule: Rule, tmp_path: Path) -> None:
    found = found_in(tmp_path, rule.bad)

    inspected = examine(inspect(read_project(tmp_path)))

    assert [each for each in found if each.code in _CODES] == list(inspected)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("ci build --build-strategy=python-executable", "DW130"),
        ("ci build --build-strategy=docker", "DW132"),
        ("ci build", "DW132"),
        ("ci build --build-strategy=$STRATEGY", "DS501"),
        ("ci build --build-strategy=$STRATEGY --location-name=etl --location-name=train", "DS501"),
    ],
)
def test_one_way_of_building_is_reported_once(command: str, code: str, tmp_path: Path) -> None:
    text = workflow(BEGIN, call(command), DEPLOY)

    found = found_in(tmp_path, {**locations(ETL, TRAIN), WORKFLOW: text})

    assert [each.code for each in found] == [code]


@pytest.mark.parametrize(
    "command",
    [
        "ci build --build-strategy=$STRATEGY --location-name=etl",
        "ci build --build-strategy=$STRATEGY --location-name=$NAME",
    ],
)
def test_a_build_of_one_kind_is_no_mixture(command: str, tmp_path: Path) -> None:
    text = workflow(BEGIN, call(command), DEPLOY)

    found = found_in(tmp_path, {**locations(ETL, TRAIN), WORKFLOW: text})

    assert "DS501" not in {each.code for each in found}


@pytest.mark.parametrize(
    ("script", "codes"),
    [
        ("dagster-cloud ci build --build-strategy=docker\n", ["DS501"]),
        ("dagster-cloud ci build \\\n  --location-name etl\n", []),
        ("# dagster-cloud ci build\necho dagster-cloud ci build\n", []),
        ("uv run dg plus deploy \\\n  --yes\n", ["DS504"]),
        ("dg plus deploy start\n", []),
        ("cat a/dagster_cloud.yaml b/dagster_cloud.yaml > all.yaml\n", ["DS506"]),
        ("cat {a,b}/dagster_cloud.yaml >> dagster_cloud.yaml\n", ["DS506"]),
        ("cat a/dagster_cloud.yaml > dagster_cloud.yaml\n", []),
        ("cat */dagster_cloud.yaml | grep name > names\n", []),
        ("cat */dagster_cloud.yaml\n", []),
    ],
)
def test_scripts_are_read_as_the_shell_does(script: str, codes: list[str], tmp_path: Path) -> None:
    files = {**locations(ETL, TRAIN), "deploy.sh": f"# dagster_cloud.yaml\n{script}"}
    found = found_in(tmp_path, files)

    assert [each.code for each in found] == codes
    assert {each.position.file for each in found} <= {"deploy.sh"}


@pytest.mark.parametrize(
    ("begin", "codes"),
    [
        ("ci init --project-dir .", ["DS501"]),
        ("ci init --project-dir . --location-name etl", []),
        ("ci init --project-dir ../lone", []),
        ("ci init --project-dir $SOMEWHERE", []),
    ],
)
def test_a_script_builds_what_its_session_has(begin: str, codes: list[str], tmp_path: Path) -> None:
    lone = "locations:\n  - location_name: lone\n    code_source: {package_name: lone}\n"
    script = f"cd lone && pip install . && cd -\ndagster-cloud {begin}\ndagster-cloud ci build\n"
    files = {
        **locations(ETL, TRAIN),
        "lone/dagster_cloud.yaml": lone,
        "lone/setup.py": "# lone\n",
        "bin/deploy.sh": script,
    }
    found = found_in(tmp_path, files)
    assert [each.code for each in found if each.position.file == "bin/deploy.sh"] == codes


@pytest.mark.parametrize(
    ("first", "second", "codes"),
    [
        (BEGIN, BEGIN, {"DS502"}),
        (BEGIN, _DG_INIT, {"DS502"}),
        (f"if: env.A == '1'\n{BEGIN}", f"if: env.A == '2'\n{BEGIN}", set()),
        (BEGIN, f"if: env.A == '2'\n{BEGIN}", {"DS502"}),
        ("run: dagster-cloud ci init", "run: dagster-cloud ci init", {"DW150"}),
    ],
)
def test_a_session_that_is_emptied_is_reported_once(
    first: str, second: str, codes: set[str], tmp_path: Path
) -> None:
    env = "env:\n  A: ${{ vars.A }}\n"
    found = found_in(tmp_path, {**locations(ETL), WORKFLOW: workflow(first, second, head=env)})

    about_sessions = [each.code for each in found if each.code in {"DS502", "DW150"}]
    assert len(about_sessions) == len(codes)
    assert set(about_sessions) == codes


_RUN_INIT = "run: dagster-cloud ci init --location-name etl"
_RUN_DEPLOY = "run: dagster-cloud ci deploy"


@pytest.mark.parametrize(
    ("steps", "codes"),
    [
        ((BEGIN, DEPLOY, BEGIN, DEPLOY), set()),
        ((_RUN_INIT, _RUN_DEPLOY, _RUN_INIT, _RUN_DEPLOY), set()),
        ((_RUN_INIT, f"{_RUN_DEPLOY} --location-name=etl", _RUN_INIT), set()),
        ((_RUN_INIT, f"{_RUN_DEPLOY} --location-name=train", _RUN_INIT), {"DW150"}),
        ((_RUN_INIT, _RUN_INIT, _RUN_DEPLOY), {"DW150"}),
        (
            (_RUN_INIT, f"env:\n  DAGSTER_BUILD_STATEDIR: /tmp/x\n{_RUN_DEPLOY}", _RUN_INIT),
            {"DW150"},
        ),
    ],
)
def test_a_session_that_is_deployed_may_be_emptied(
    steps: tuple[str, ...], codes: set[str], tmp_path: Path
) -> None:
    found = found_in(tmp_path, {**locations(ETL, TRAIN), WORKFLOW: workflow(*steps)})

    assert {each.code for each in found} & {"DS502", "DW150"} == codes


def test_a_template_in_a_folder_is_judged_by_no_command(tmp_path: Path) -> None:
    text = workflow(BEGIN, f"uses: {CI_INIT}\nwith:\n  project_dir: .")

    assert found_in(tmp_path, {**locations(ETL), f"docs/template/{WORKFLOW}": text}) == ()


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("location: ${{ toJson(matrix.location) }}", False),
        ("location: ${{ inputs.location }}", False),
        ("location: ''", True),
        ("project_dir: etl", True),
    ],
)
@pytest.mark.parametrize("part", ["serverless_branch_deploy", "hybrid_prod_deploy"])
def test_an_action_for_one_location_is_given_one(
    part: str, given: str, *, found: bool, tmp_path: Path
) -> None:
    used = f"uses: dagster-io/dagster-cloud-action/actions/{part}@v1.13.7"
    text = workflow(f"{used}\nwith:\n  organization_id: ours\n  {given}")

    codes = [each.code for each in found_in(tmp_path, {**locations(ETL), WORKFLOW: text})]

    assert ("DW147" in codes) is found


def test_a_part_that_does_not_exist_is_reported_once_for_a_workflow(tmp_path: Path) -> None:
    used = "uses: dagster-io/dagster-cloud-action/actions/utils/ci-start@v1.13.7"
    files = {**locations(ETL), WORKFLOW: workflow(used, BEGIN, used)}

    messages = [each.found.message for each in found_in(tmp_path, files) if each.code == "DW140"]

    assert messages == ["the official action has no actions/utils/ci-start (also line 12)"]
