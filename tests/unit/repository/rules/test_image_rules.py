"""DW133 and DW134: images that are pushed over each other, or elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from dagstead.repository.files import read_project
from dagstead.repository.rules.checking import check
from dagstead.repository.rules.workflows.examples import BEGIN, DEPLOY, WORKFLOW, call, workflow

_ENTRY = """\
  - location_name: {0}
    code_source: {{package_name: {0}}}
    build: {{directory: {0}, registry: r.example.com/sea}}
    agent_queue: gpu
"""
_FILES = {
    "dagster_cloud.yaml": "locations:\n" + _ENTRY.format("ebb") + _ENTRY.format("flow"),
    "ebb/Dockerfile": "FROM python:3.12-slim\n",
    "flow/Dockerfile": "FROM python:3.12-slim\n",
}
_RECORDS = tuple(
    call(f"ci set-build-output --location-name {each} --image-tag $GITHUB_SHA")
    for each in ("ebb", "flow")
)
_SHA = "r.example.com/sea:${{ github.sha }}"


def _found(root: Path, files: Mapping[str, str]) -> list[tuple[str, str]]:
    (root / ".git").mkdir(exist_ok=True)
    for path, text in {**_FILES, **files}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    found = check(read_project(root))
    return [(each.code, each.found.message) for each in found if each.code in {"DW133", "DW134"}]


def _action(context: str, tags: str, file: str = "") -> str:
    dockerfile = f"\n  file: {file}" if file else ""
    inputs = f"push: true\n  context: {context}{dockerfile}\n  tags: {tags}"
    return f"uses: docker/build-push-action@v6\nwith:\n  {inputs}"


def _script(*lines: str) -> str:
    return "run: |\n" + "\n".join(f"  {each}" for each in lines)


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param((_action("ebb", _SHA), _action("flow", _SHA)), id="action"),
        pytest.param(
            (
                _action("ebb", _SHA),
                _script("docker build -t r.example.com/sea:$GITHUB_SHA flow --push"),
            ),
            id="action and script",
        ),
        pytest.param(
            (
                _script(
                    "TAG=$(git rev-parse HEAD)",
                    "docker build -t one ebb",
                    "docker tag one r.example.com/sea:$TAG && docker push r.example.com/sea:$TAG",
                    "docker build -f flow/Dockerfile -t r.example.com/sea:${TAG} .",
                    "docker image push r.example.com/sea:${TAG}",
                ),
            ),
            id="tagged later",
        ),
        pytest.param(
            (
                _script("/kaniko/executor --context ebb --destination r.example.com/sea:latest"),
                _script("docker buildx build --push -t r.example.com/sea flow"),
            ),
            id="kaniko and latest",
        ),
        pytest.param(
            (_action(".", _SHA, "ebb/Dockerfile"), _action(".", _SHA, "flow/Dockerfile")),
            id="two Dockerfiles",
        ),
    ],
)
def test_the_second_image_replaces_the_first(steps: tuple[str, ...], tmp_path: Path) -> None:
    text = workflow(BEGIN, *steps, *_RECORDS, DEPLOY)

    ((code, message),) = _found(tmp_path, {WORKFLOW: text})

    assert code == "DW134"
    assert message.startswith("the image of ")
    assert "flow/Dockerfile) replaces that of" in message


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param((_action("ebb", _SHA), _action("ebb", _SHA)), id="a shared image"),
        pytest.param(
            tuple(
                _action(each, f"r.example.com/sea:{each}-${{{{ github.sha }}}}")
                for each in ("ebb", "flow")
            ),
            id="a tag of its own",
        ),
        pytest.param(
            (
                _script(
                    "for l in ebb flow; do",
                    "docker build -t r.example.com/sea:$l $l --push",
                    "done",
                ),
            ),
            id="a loop",
        ),
        pytest.param(
            (
                _script(
                    'if [ "$KIND" = big ]; then',
                    "docker build --push -t r.example.com/sea:$GITHUB_SHA ebb",
                    "else",
                    "docker build --push -t r.example.com/sea:$GITHUB_SHA flow",
                    "fi",
                ),
            ),
            id="one or the other",
        ),
        pytest.param(
            (
                f"if: vars.KIND == 'ebb'\n{_action('ebb', _SHA)}",
                f"if: vars.KIND == 'flow'\n{_action('flow', _SHA)}",
            ),
            id="by a variable",
        ),
        pytest.param(
            (
                _script("TAG=ebb-$(date +%s)", "docker build --push -t r.example.com/sea:$TAG ebb"),
                _script(
                    "TAG=flow-$(date +%s)", "docker build --push -t r.example.com/sea:$TAG flow"
                ),
            ),
            id="a variable that is set again",
        ),
        pytest.param((_action("ebb", _SHA), _script("docker build -t x flow")), id="not pushed"),
        pytest.param(
            (_action("ebb", _SHA), _action("${{ vars.WHERE }}", _SHA)), id="an unknown folder"
        ),
    ],
)
def test_what_may_be_right_is_not_reported(steps: tuple[str, ...], tmp_path: Path) -> None:
    text = workflow(BEGIN, *steps, *_RECORDS, DEPLOY)

    assert _found(tmp_path, {WORKFLOW: text}) == []


@pytest.mark.parametrize(("tag", "count"), [("", 1), ("${{ matrix.name }}-", 0)])
def test_the_entries_of_a_matrix_share_the_tag(tag: str, count: int, tmp_path: Path) -> None:
    job = "    strategy:\n      matrix:\n        name: [ebb, flow]\n"
    image = _action("${{ matrix.name }}", f"r.example.com/sea:{tag}${{{{ github.sha }}}}")

    found = _found(tmp_path, {WORKFLOW: workflow(BEGIN, image, *_RECORDS, DEPLOY, job=job)})

    assert [each[0] for each in found] == ["DW134"] * count


@pytest.mark.parametrize(("branch", "count"), [("main", 1), ("next", 0)])
def test_jobs_of_a_pipeline_share_the_tag(branch: str, count: int, tmp_path: Path) -> None:
    def job(name: str, on: str) -> str:
        image = "r.example.com/sea:$CI_COMMIT_SHA"
        return (
            f"{name}:\n  rules:\n    - if: $CI_COMMIT_BRANCH == '{on}'\n  script:\n"
            f"    - docker build -t {image} {name}\n    - docker push {image}\n"
            "    - dagster-cloud ci init --project-dir .\n"
            f"    - dagster-cloud ci set-build-output --location-name={name} --image-tag=$T\n"
            "    - dagster-cloud ci deploy\n"
        )

    found = _found(tmp_path, {".gitlab-ci.yml": job("ebb", "main") + job("flow", branch)})

    assert [each[0] for each in found] == ["DW134"] * count


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("docker push r.example.com/lake:1", ["DW133", "DW133"]),
        ("docker push r.example.com/sea:1", []),
        ("docker push $REGISTRY/lake:1", []),
        ("docker compose push", []),
    ],
)
def test_a_script_that_pushes_elsewhere(line: str, found: list[str], tmp_path: Path) -> None:
    text = workflow(BEGIN, _script("docker login", line), *_RECORDS, DEPLOY)

    assert [each[0] for each in _found(tmp_path, {WORKFLOW: text})] == found


@pytest.mark.parametrize("registry", ["the registry of ebb", "<account>.example.com/sea", "$SEA"])
def test_a_registry_that_is_no_address_is_reported_where_it_is_written(
    registry: str, tmp_path: Path
) -> None:
    cloud = _FILES["dagster_cloud.yaml"].replace("r.example.com/sea", f'"{registry}"')
    steps = (_action("ebb", _SHA), _action("flow", _SHA.replace("sea:", "sea:b-")), *_RECORDS)
    files = {"dagster_cloud.yaml": cloud, WORKFLOW: workflow(BEGIN, *steps, DEPLOY)}

    assert "DW133" not in {code for code, _ in _found(tmp_path, files)}


def test_an_image_that_is_pushed_elsewhere_is_quoted(tmp_path: Path) -> None:
    sea, lake = "r.example.com/sea", "r.example.com/lake"
    cloud = _FILES["dagster_cloud.yaml"].replace(sea, lake)
    files = {
        "dagster_cloud.yaml": cloud,
        WORKFLOW: workflow(BEGIN, _action("ebb", _SHA), _RECORDS[0], DEPLOY),
    }

    messages = [message for code, message in _found(tmp_path, files) if code == "DW133"]

    assert messages == [
        f"the image of 'ebb' is to be in {lake!r}, and images are pushed to {sea!r}"
    ]
