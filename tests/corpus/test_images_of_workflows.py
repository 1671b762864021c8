"""Images as objects: which ones workflows build, push and record."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.corpus.repository import DEPLOY, repository_of
from tests.corpus.workflow_texts import ACTION, MAIN, workflow

_ONE_SESSION = """
          - run: dagster-cloud ci init --project-dir . --deployment prod
          - run: docker build -t r.test/h:$TAG$SURGE surge
          - run: docker push r.test/h:$TAG$SURGE
          - run: dagster-cloud ci set-build-output --location-name=surge --image-tag=$TAG$SURGE
          - run: docker build -t r.test/h:$TAG$TIDES tides
          - run: docker push r.test/h:$TAG$TIDES
          - run: dagster-cloud ci set-build-output --location-name=tides --image-tag=$TAG$TIDES
          - run: dagster-cloud ci deploy
    """
_TWO_IMAGES = {
    "dagster_cloud.yaml": """
        locations:
          - location_name: surge
            code_source: {module_name: surge.definitions}
            build: {directory: ./surge, registry: r.test/h}
          - location_name: tides
            code_source: {module_name: tides.definitions}
            build: {directory: ./tides, registry: r.test/h}
        """,
    "surge/Dockerfile": "FROM python:3.12-slim\n",
    "tides/Dockerfile": "FROM python:3.12-slim\n",
    "surge/surge/definitions.py": "",
    "tides/tides/definitions.py": "",
}


def _images(steps: str, surge: str = "", tides: str = "") -> dict[str, str]:
    text = steps.replace("$TAG", "$GITHUB_SHA").replace("$SURGE", surge).replace("$TIDES", tides)
    return {**_TWO_IMAGES, DEPLOY: workflow(MAIN, text)}


_BY_ACTION = f"""
          - uses: {ACTION}/ci-init@v1.13.7
            with: {{project_dir: ., deployment: prod}}
          - uses: docker/build-push-action@v6
            with: {{context: surge, push: true, tags: "r.test/h:${{{{ github.sha }}}}"}}
          - uses: {ACTION}/dagster-cloud-cli@v1.13.7
            with:
              command: "ci set-build-output --location-name=surge --image-tag=${{{{ github.sha }}}}"
          - uses: docker/build-push-action@v6
            with: {{context: tides, push: true, tags: "r.test/h:${{{{ github.sha }}}}"}}
          - uses: {ACTION}/dagster-cloud-cli@v1.13.7
            with:
              command: "ci set-build-output --location-name=tides --image-tag=${{{{ github.sha }}}}"
          - uses: {ACTION}/dagster-cloud-cli@v1.13.7
            with: {{command: "ci deploy"}}
    """


_IN_A_LOOP = """
          - run: dagster-cloud ci init --project-dir . --deployment prod
          - run: |
              for each in surge tides; do
                if [ -d "$each" ]; then
                  docker build -t r.test/h:$GITHUB_SHA "$each"
                fi
                docker push r.test/h:$GITHUB_SHA
                dagster-cloud ci set-build-output --location-name=$each --image-tag=$GITHUB_SHA
              done
          - run: dagster-cloud ci deploy
    """
_BY_STAGE = """
          - run: dagster-cloud ci init --project-dir . --deployment prod
          - run: docker build --target surge -t r.test/h:1 . && docker push r.test/h:1
          - run: dagster-cloud ci set-build-output --location-name=surge --image-tag=1
          - run: docker build --target=tides -t r.test/h:1 . && docker push r.test/h:1
          - run: dagster-cloud ci set-build-output --location-name=tides --image-tag=1
          - run: dagster-cloud ci deploy
    """


@pytest.mark.parametrize(
    "steps",
    [
        _ONE_SESSION,
        _BY_ACTION,
        _IN_A_LOOP,
        _BY_STAGE,
        _BY_STAGE.replace("--target ", "--build-arg ").replace("--target=", "--build-arg "),
    ],
    ids=["docker", "action", "loop", "stage", "argument"],
)
def test_two_images_under_one_name_are_an_error(tmp_path: Path, steps: str) -> None:
    made = repository_of(tmp_path / "harbour", _images(steps))

    (error,) = made.errors()

    assert "surge" in error
    assert "tides" in error
    assert made.run("workflows", "inspect").returncode == 1


def test_a_name_for_every_image_or_one_image_for_all_is_fine(tmp_path: Path) -> None:
    tagged = repository_of(tmp_path / "tagged", _images(_ONE_SESSION, "-surge", "-tides"))
    shared = repository_of(
        tmp_path / "shared", _images(_ONE_SESSION.replace(" surge\n", " tides\n"))
    )

    looped = _IN_A_LOOP.replace("$GITHUB_SHA", "$each-$GITHUB_SHA")
    loop = repository_of(tmp_path / "loop", _images(looped))

    assert tagged.errors() == []
    assert shared.errors() == []
    assert loop.errors() == []
