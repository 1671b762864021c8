"""Images for which there is no Dockerfile in the folder that is built."""

from __future__ import annotations

from pathlib import Path

from tests.corpus.repository import DEPLOY, LOCATION, PACKAGE, repository_of


def test_a_missing_dockerfile_elsewhere_is_a_warning_that_says_what_happens(
    tmp_path: Path,
) -> None:
    made = repository_of(
        tmp_path / "harbour",
        {
            "dagster_cloud.yaml": LOCATION + "    build: {directory: ., registry: r.test/tides}\n",
            "pyproject.toml": PACKAGE,
            "tides/__init__.py": "",
        },
    )

    assert made.errors() == []
    (warning,) = made.warnings()
    assert "--show-dockerfile" in warning
    assert made.plan()["tides"]["with"] == "generated Dockerfile"


_HYBRID = {
    "dagster_cloud.yaml": LOCATION
    + "    build: {directory: ., registry: r.test/tides}\n        agent_queue: north\n",
    "pyproject.toml": PACKAGE,
    "tides/__init__.py": "",
}


def _by_gitlab(build: str) -> dict[str, str]:
    pipeline = f"""
        deploy:
          rules: [{{if: $CI_COMMIT_BRANCH == "main"}}]
          script:
            - dagster-cloud ci init --project-dir . --deployment prod
            - {build}
            - docker push r.test/tides:1
            - dagster-cloud ci set-build-output --image-tag=1
            - dagster-cloud ci deploy
        """
    return {**_HYBRID, ".gitlab-ci.yml": pipeline}


def test_a_dockerfile_that_ci_takes_from_elsewhere_is_the_dockerfile(tmp_path: Path) -> None:
    build = "docker build -f docker/tides.Dockerfile -t r.test/tides:1 ."
    there = {"docker/tides.Dockerfile": "FROM python:3.12-slim\n"}

    assert repository_of(tmp_path / "a", {**_by_gitlab(build), **there}).findings() == []
    (missing,) = repository_of(tmp_path / "b", _by_gitlab(build)).warnings()
    assert "any other build fails" in missing


def test_what_nothing_can_be_generated_from_is_not_promised(tmp_path: Path) -> None:
    files = {path: text for path, text in _HYBRID.items() if path != "pyproject.toml"}
    made = repository_of(tmp_path / "harbour", files)

    (warning,) = made.warnings()

    assert "to generate one from" in warning
    assert "to generate one from" in made.said("plan")


def test_a_workflow_that_builds_the_missing_dockerfile_of_dg_is_found(tmp_path: Path) -> None:
    files = {
        "pyproject.toml": PACKAGE
        + """
    [tool.dg]
    directory_type = "project"

    [tool.dg.project]
    root_module = "tides"
    agent_queue = "north"
    """,
        "build.yaml": "registry: r.test/tides\n",
        "tides/__init__.py": "",
        "tides/definitions.py": "",
        DEPLOY: """
    on: {push: {branches: [main]}}
    jobs:
      deploy:
        runs-on: ubuntu-24.04
        steps:
          - uses: actions/checkout@v4
          - run: |
              dg plus deploy start --deployment prod
              docker build -t r.test/tides:1 . && docker push r.test/tides:1
              dg plus deploy set-build-output --image-tag 1
              dg plus deploy finish
    """,
    }

    (warning,) = repository_of(tmp_path / "harbour", files).warnings()

    assert "any other build fails" in warning
