"""What the inspector says of workflows: their patterns, what they deploy, and what is wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from dagstead.repository.ci.inspection import Inspection, inspect
from dagstead.repository.ci.patterns import Shape
from dagstead.repository.ci.provider import Provider
from dagstead.repository.files import Project, read_project
from dagstead.repository.rules.workflows.examples import (
    BEGIN,
    BUILD,
    DEPLOY,
    ETL,
    TRAIN,
    WORKFLOW,
    call,
    locations,
    workflow,
)
from dagstead.repository.workflows.generation import generate, write
from dagstead.repository.workflows.options import DeployTool, Options, Pattern
from tests.unit.cli.conftest import Command, dagstead
from tests.unit.repository.ci.followed import examine
from tests.unit.repository.ci.repositories import HYBRID, PREBUILT, SERVERLESS, monorepo, repository

__all__ = ["dagstead"]

GENERATED = [
    *(Options(pattern=each) for each in Pattern),
    *(
        Options(pattern=each, tool=DeployTool.OFFICIAL_ACTION)
        for each in (Pattern.PER_LOCATION, Pattern.EVERYTHING, Pattern.MATRIX)
    ),
    *(
        # It reads the configuration when it runs: its B1 is what B3 is.
        Options(pattern=each, tool=DeployTool.DAGSTEAD)
        for each in Pattern
        if each is not Pattern.ROUTED
    ),
    *(
        Options(pattern=each, provider=Provider.GITLAB)
        for each in (Pattern.EVERYTHING, Pattern.ROUTED)
    ),
]


def inspected(root: Path, files: Mapping[str, str]) -> Inspection:
    """A repository with these files."""
    (root / ".git").mkdir(parents=True, exist_ok=True)
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return inspect(read_project(root))


def codes(inspection: Inspection) -> set[str]:
    return {each.code for each in examine(inspection)}


@pytest.mark.parametrize("options", GENERATED, ids=lambda e: f"{e.provider}-{e.pattern}-{e.tool}")
def test_what_we_generate_has_its_pattern_and_nothing_wrong(
    options: Options, tmp_path: Path
) -> None:
    projects = [monorepo(tmp_path / "monorepo")]
    if options.tool is DeployTool.CLI:
        every = repository(tmp_path / "every", SERVERLESS, HYBRID, PREBUILT)
        defaults = {"build": {"directory": "./weather"}}
        bare = {"location_name": "weather"}
        projects += [every, repository(tmp_path / "defaults", bare, HYBRID, defaults=defaults)]
    for project in projects:
        found = _written(project, options)

        assert found.verdict.shape == str(options.pattern)
        assert examine(found) == ()
        for location in project.locations:
            uses = found.uses_of(location)
            # Started by hand, our own command line deploys everything.
            assert [use.certain for use in uses] == [
                options.pattern not in {Pattern.CHANGED, Pattern.ROUTED}
                or options.tool is DeployTool.DAGSTEAD
            ]
            assert uses[0].deploys


def _written(project: Project, options: Options) -> Inspection:
    for folder in ("weather", "digits"):
        (project.root / folder).mkdir(exist_ok=True)
        (project.root / folder / "code.py").touch()
        (project.root / folder / "setup.py").touch()
    write(project.root, generate(project, options))
    return inspect(read_project(project.root))


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("# on: push\n", Shape.EMPTY),
        ("- a list\n", Shape.INVALID),
        ("on: push\njobs: [\n", Shape.INVALID),
        (workflow("run: make test"), Shape.NONE),
        (workflow(BEGIN, BUILD, DEPLOY), Shape.EVERYTHING),
        (workflow(BEGIN, BUILD, DEPLOY, on="  workflow_call:\n"), Shape.CALLED),
        (workflow("uses: dagster-io/dagster-cloud-cicd-action/deploy@v0.2.1"), Shape.OTHER),
    ],
)
def test_a_workflow_has_a_pattern(text: str, shape: Shape, tmp_path: Path) -> None:
    found = inspected(tmp_path, {**locations(ETL, TRAIN), WORKFLOW: text})

    assert [each.verdict.shape for each in found.workflows] == [shape]
    assert found.workflows[0].verdict.reason


def test_a_template_in_a_folder_is_no_workflow(tmp_path: Path) -> None:
    text = workflow("uses: dagster-io/dagster-cloud-action/actions/nothing@v0.1")
    found = inspected(tmp_path, {**locations(ETL), f"docs/template/{WORKFLOW}": text})

    assert found.workflows == ()
    assert examine(found) == ()


def test_the_command_reports_each_workflow(dagstead: Command, tmp_path: Path) -> None:
    inspected(tmp_path, {**locations(ETL), WORKFLOW: workflow(BEGIN, BUILD, DEPLOY)})

    said = dagstead("workflow", "inspect", str(tmp_path))

    assert said.code == 0
    assert f"{WORKFLOW}: B1, one workflow that builds everything" in said.out
    assert "starts on: push to main" in said.out
    assert "deploys: etl (pex), full deployment only" in said.out
    assert said.err == "Nothing is wrong.\n"


def test_the_command_fails_on_errors_and_when_strict_on_warnings(
    dagstead: Command, tmp_path: Path
) -> None:
    words = ["workflow", "inspect", str(tmp_path)]
    inspected(tmp_path, {**locations(ETL), WORKFLOW: workflow(BEGIN, DEPLOY)})
    failed = dagstead(*words)
    assert failed.code == 1
    assert f"{WORKFLOW}:13:20: error DW113 'ci deploy' stops" in failed.out
    assert dagstead(*words, "--ignore", "DW113").code == 0

    warned = workflow(call("ci check"), BEGIN, BUILD, DEPLOY)
    inspected(tmp_path, {WORKFLOW: warned})
    assert dagstead(*words).code == 0
    assert dagstead(*words, "--strict").code == 1
    assert dagstead(*words, "--select", "DX").code == 2


def test_the_command_answers_programs(dagstead: Command, tmp_path: Path) -> None:
    words = ["workflow", "inspect", str(tmp_path), "--format"]
    inspected(tmp_path, {**locations(ETL), WORKFLOW: workflow(BEGIN, DEPLOY)})

    reported = json.loads(dagstead(*words, "json").out)
    assert (reported["pattern"], reported["errors"]) == ("b1", 1)
    (only,) = reported["workflows"]
    assert only["path"] == WORKFLOW
    assert only["locations"][0]["name"] == "etl"
    assert only["locations"][0]["deploys"][0]["line"] == 13
    assert reported["findings"][0]["code"] == "DW113"
    assert dagstead(*words, "github").out.startswith(f"::error file={WORKFLOW},line=13")
    (run,) = json.loads(dagstead(*words, "sarif").out)["runs"]
    assert [each["ruleId"] for each in run["results"]] == ["DW113"]


def test_a_repository_without_workflows_is_a_mistake(dagstead: Command, tmp_path: Path) -> None:
    inspected(tmp_path, locations(ETL))

    said = dagstead("workflow", "inspect", str(tmp_path))

    assert said.code == 2
    assert "dagstead workflow generate" in said.err


def test_places_are_right_from_a_folder_of_the_repository(
    dagstead: Command, tmp_path: Path
) -> None:
    files = locations(ETL)
    moved = {f"apps/{path}": text for path, text in files.items()}
    init = BEGIN.replace("project_dir: .", "project_dir: apps")
    inspected(tmp_path, {**moved, WORKFLOW: workflow(init, DEPLOY)})

    said = dagstead("workflow", "inspect", str(tmp_path / "apps"), "--format", "github")

    assert said.out.startswith(f"::error file={WORKFLOW},line=13")


def test_patterns_of_an_action_that_compares_are_looked_up(tmp_path: Path) -> None:
    compare = (
        "uses: tj-actions/changed-files@v46\nwith:\n  files_yaml: |\n"
        "    etl:\n      - etl/**\n      - gone/**\n      - '{odd,form}/**'"
    )
    found = inspected(
        tmp_path, {**locations(ETL), WORKFLOW: workflow(compare, BEGIN, BUILD, DEPLOY)}
    )

    (only,) = [each for each in examine(found) if each.code == "DW120"]
    assert only.found.message.startswith("'gone/**' matches no file")
    assert (only.position.line, only.position.column) == (13, 17)


def test_a_moving_tag_is_reported_once_for_a_file(tmp_path: Path) -> None:
    moving = [each.replace("v1.13.7", "v0.1") for each in (BEGIN, BUILD, DEPLOY)]
    found = inspected(tmp_path, {**locations(ETL), WORKFLOW: workflow(*moving)})

    (only,) = examine(found)
    assert only.found.message == (
        "'v0.1' of the official action moves with every release (also lines 11, 14)"
    )


@pytest.mark.parametrize(
    ("line", "reported"),
    [
        ("DAGSTER_CLOUD_API_TOKEN: user:ours:0123456", True),
        ("ANYTHING: agent:ours:0123456789abcdef0123", True),
        ("REGISTRY_PASSWORD: Xy7-tz99q", True),
        ("REGISTRY_PASSWORD: ${{ secrets.REGISTRY_PASSWORD }}", False),
        ("REGISTRY_PASSWORD: $OTHER", False),
        ("POSTGRES_PASSWORD: postgres", False),
        ("MASK_PASSWORD: 'true'", False),
        ("PASSWORD_FILE: /run/secrets/x1", False),
        ("DATABASE_PASSWORD: for-test-only-1", False),
        ("PGPASSWORD: dagster_test", False),
        ("REGISTRY_PASSWORD: Contest-4711", True),
    ],
)
def test_a_secret_is_distinguished_from_a_word(
    line: str, *, reported: bool, tmp_path: Path
) -> None:
    text = workflow(BEGIN, BUILD, DEPLOY, head=f"env:\n  {line}\n")
    findings = examine(inspected(tmp_path, {**locations(ETL), WORKFLOW: text}))

    assert [each.code for each in findings] == (["DW170"] if reported else [])
    value = line.partition(": ")[2]
    assert not any(value in each.found.sentences for each in findings)


@pytest.mark.parametrize(
    ("expression", "reported"),
    [
        ("github.head_ref", True),
        ("github.event.pull_request.head.ref", True),
        ("github.event.head_commit.message", True),
        ("github.event.pull_request.number", False),
        ("github.event.pull_request.head.repo.full_name", False),
        ("github.event.repository.name", False),
        ("env.NAME", False),
    ],
)
def test_only_what_others_write_is_foreign(
    expression: str, *, reported: bool, tmp_path: Path
) -> None:
    text = workflow(f"run: echo ${{{{ {expression} }}}}", BEGIN, BUILD, DEPLOY)

    found = codes(inspected(tmp_path, {**locations(ETL), WORKFLOW: text}))

    assert found == ({"DW171"} if reported else set())


@pytest.mark.parametrize(
    "before",
    [
        "uses: actions/checkout@v5\nwith:\n  path: ${{ github.event.repository.name }}",
        "uses: actions/checkout@v5\nwith:\n  repository: ours/other",
        "uses: actions/download-artifact@v5",
        "run: make configuration",
        "run: python render.py",
        "run: envsubst < template > generated/dagster_cloud.yaml",
    ],
)
def test_a_file_that_may_come_from_elsewhere_is_not_missed(before: str, tmp_path: Path) -> None:
    init = BEGIN.replace("project_dir: .", "project_dir: generated")
    text = workflow(before, init, BUILD, DEPLOY)

    assert codes(inspected(tmp_path, {**locations(ETL), WORKFLOW: text})) == set()


_COMPARED = "id: changed\nuses: dorny/paths-filter@v3\nwith:\n  filters: 'etl: etl/**'"


@pytest.mark.parametrize("filtered", [True, False])
@pytest.mark.parametrize(
    ("group", "cancels", "compared", "found"),
    [
        ("deploy", "true", True, {"DW152", "DW153"}),
        ("deploy", "${{ github.event_name == 'push' }}", True, {"DW152", "DW153"}),
        ("deploy", "true", False, set()),
        ("deploy", "${{ github.event_name == 'pull_request' }}", True, {"DW153"}),
        ("deploy", "${{ inputs.cancel }}", True, {"DW153"}),
        ("${{ github.run_id }}", "true", True, {"DW153"}),
        ("${{ github.run_id }}", "true", False, set()),
    ],
)
def test_a_cancelled_deploy_is_lost_where_the_next_one_compares(
    group: str, cancels: str, *, compared: bool, filtered: bool, found: set[str], tmp_path: Path
) -> None:
    paths = '\n    paths: ["etl/**", dagster_cloud.yaml, .github/workflows/deploy.yml]'
    on = "  push:\n    branches: [main]" + paths * filtered + "\n"
    head = f"concurrency:\n  group: {group}\n  cancel-in-progress: {cancels}\n"
    steps = [BEGIN, BUILD, DEPLOY]
    if compared:
        changed = "if: steps.changed.outputs.etl == 'true'\n"
        steps = [_COMPARED, *(changed + each for each in steps)]
    text = workflow(*steps, on=on, head=head)

    assert codes(inspected(tmp_path, {**locations(ETL), WORKFLOW: text})) == found


def test_an_old_command_line_ignores_the_url(tmp_path: Path) -> None:
    install = "run: pip install dagster-cloud-cli=={}"
    head = "env:\n  DAGSTER_CLOUD_URL: ${{ vars.DAGSTER_CLOUD_URL }}\n"
    steps = ("run: dagster-cloud ci init --project-dir .", BUILD, DEPLOY)
    for version, found in (("1.11.9", {"DW144"}), ("1.12.12", set())):
        text = workflow(install.format(version), *steps, head=head)
        assert codes(inspected(tmp_path, {**locations(ETL), WORKFLOW: text})) == found


def test_a_dependency_of_a_dockerfile_belongs_into_the_filter(tmp_path: Path) -> None:
    paths = '["train/**", dagster_cloud.yaml, .github/workflows/deploy.yml]'
    on = f"  push:\n    branches: [main]\n    paths: {paths}\n"
    image = call("ci set-build-output --location-name train --image-tag $GITHUB_SHA")
    files = {
        **locations(TRAIN),
        "train/pyproject.toml": '[tool.uv.sources]\nshared = { path = "../shared" }\n',
        "shared/pyproject.toml": '[project]\nname = "shared"\n',
        WORKFLOW: workflow(BEGIN, image, DEPLOY, on=on),
    }

    (only,) = examine(inspected(tmp_path, files))

    assert only.code == "DW121"
    assert "a change of shared does not deploy train" in only.found.message
    assert "Add shared/**" in only.found.instead


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "is empty"), (" \n", "is empty"), ("# on: push\n", "has nothing but comments")],
)
def test_an_empty_workflow_is_not_called_a_comment(text: str, said: str, tmp_path: Path) -> None:
    found = inspected(tmp_path, {**locations(ETL), WORKFLOW: text})

    (only,) = examine(found)
    assert only.found.message == f"this workflow {said}"
    assert ("comments" in found.workflows[0].verdict.reason) is ("comments" in said)


@pytest.mark.parametrize(
    ("number", "part", "said"),
    [
        (2, "ci-init", "both workflows that deploy follow it"),
        (3, "ci-init", "all 3 workflows that deploy follow it"),
        (2, "unheard-of", "both workflows that deploy follow none"),
    ],
)
def test_several_workflows_of_one_pattern_are_counted(
    number: int, part: str, said: str, tmp_path: Path
) -> None:
    steps = (BEGIN.replace("ci-init", part),) + (() if part == "unheard-of" else (BUILD, DEPLOY))
    files = {f".github/workflows/{each}.yml": workflow(*steps) for each in range(number)}

    found = inspected(tmp_path, {**locations(ETL, TRAIN), **files})

    assert found.verdict.reason == said
