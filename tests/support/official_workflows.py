"""Workflows with the steps of the official templates, for the demonstration repository.

The steps, their order, conditions and commands are those of the templates that use
`dagster_cloud.yaml`: on GitHub for one location of each kind, on GitLab for a hybrid one. The words
are ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version

from tests.support.demonstration import HYBRID, LOCATIONS, PLACEHOLDER, PYTHON, SERVERLESS

_HEAD = """\
name: Official {name}
on:
  push:
    branches: [main]
  pull_request:
    types: [opened, synchronize, reopened, closed]
permissions:
  contents: read
concurrency:
  group: ${{ github.ref }}/{name}
env:
  DAGSTER_CLOUD_ORGANIZATION: dagstead
  DAGSTER_CLOUD_URL: ${{ vars.DAGSTER_CLOUD_URL }}
  DAGSTER_CLOUD_API_TOKEN: ${{ secrets.DAGSTER_CLOUD_API_TOKEN }}
  PROJECT: pipelines/{name}
  ENABLE_FAST_DEPLOYS: "true"
jobs:
  deploy:
    runs-on: ubuntu-24.04
    steps:
      - id: prerun
        uses: {official}/prerun@v{version}
{prerun}
      - if: steps.prerun.outputs.result != 'skip'
        uses: actions/checkout@v5
        with:
          ref: ${{ github.head_ref }}
      - if: steps.prerun.outputs.result != 'skip'
        uses: {official}/dagster-cloud-cli@v{version}
        with:
          command: ci check --project-dir ${{ env.PROJECT }} {check}
      - if: steps.prerun.outputs.result != 'skip'
        uses: {official}/ci-init@v{version}
        with:
          project_dir: ${{ env.PROJECT }}
          dagster_cloud_yaml_path: dagster_cloud.yaml
          deployment: prod
"""

_PEX = """\
      - if: steps.prerun.outputs.result == 'pex-deploy'
        uses: actions/setup-python@v6
        with:
          python-version: "{python}"
      - if: steps.prerun.outputs.result == 'pex-deploy'
        uses: {official}/dagster-cloud-cli@v{version}
        with:
          command: >-
            ci build --build-strategy=python-executable --python-version={python}
            --pex-deps-cache-from='${{ github.repository }}'
            --pex-deps-cache-to='${{ github.repository }}'
"""

_IMAGE = """\
      - if: steps.prerun.outputs.result != 'skip'
        run: echo "IMAGE_TAG=$GITHUB_SHA-$GITHUB_RUN_ID-$GITHUB_RUN_ATTEMPT" >> $GITHUB_ENV
        shell: bash
      - uses: docker/setup-buildx-action@v3
      - if: steps.prerun.outputs.result != 'skip'
        uses: docker/login-action@v3
        with:
          registry: registry.example.com
          username: ${{ secrets.REGISTRY_USERNAME }}
          password: ${{ secrets.REGISTRY_PASSWORD }}
      - if: steps.prerun.outputs.result != 'skip'
        uses: docker/build-push-action@v6
        with:
          context: ${{ env.PROJECT }}
          push: true
          tags: {registry}:${{ env.IMAGE_TAG }}
          cache-from: type=gha
          cache-to: type=gha,mode=max
      - if: steps.prerun.outputs.result != 'skip'
        uses: {official}/dagster-cloud-cli@v{version}
        with:
          command: ci set-build-output --location-name={name} --image-tag=$IMAGE_TAG
"""

_END = """\
      - if: steps.prerun.outputs.result != 'skip'
        uses: {official}/dagster-cloud-cli@v{version}
        with:
          command: ci deploy
      - if: steps.prerun.outputs.result != 'skip' && always()
        uses: {official}/dagster-cloud-cli@v{version}
        with:
          command: ci notify --project-dir=${{ env.PROJECT }}
      - if: steps.prerun.outputs.result != 'skip' && always()
        uses: {official}/dagster-cloud-cli@v{version}
        with:
          command: ci status --output-format=markdown >> $GITHUB_STEP_SUMMARY
"""

_PIPELINE = """\
stages: [setup, build, deploy]

variables:
  DAGSTER_CLOUD_ORGANIZATION: dagstead
  DAGSTER_CLOUD_URL: $DAGSTER_CLOUD_URL
  PROJECT: pipelines/orchards
  IMAGE_TAG: $CI_COMMIT_SHORT_SHA-$CI_PIPELINE_ID
  DAGSTER_BUILD_STATEDIR: build-state

initialize:
  stage: setup
  image: ghcr.io/dagster-io/dagster-cloud-action:{version}
  rules: &always
    - if: $CI_COMMIT_BRANCH == "main"
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
  script:
    - dagster-cloud ci check --project-dir=$PROJECT {check}
    - >-
      dagster-cloud ci init --deployment=prod --project-dir=$PROJECT
      --dagster-cloud-yaml-path=dagster_cloud.yaml --statedir=$DAGSTER_BUILD_STATEDIR
      --git-url=$CI_PROJECT_URL/-/commit/$CI_COMMIT_SHA --commit-hash=$CI_COMMIT_SHA
      --status-url=$CI_PIPELINE_URL
    - dagster-cloud ci status
  artifacts:
    paths: [build-state]
    expire_in: 1 week

build-image:
  stage: build
  image: docker:latest
  services: [docker:dind]
  rules: *always
  needs: [initialize]
  script:
    - >-
      echo $REGISTRY_PASSWORD
      | docker login --username $REGISTRY_USERNAME --password-stdin registry.example.com
    - docker build $PROJECT -t {registry}:$IMAGE_TAG
    - docker push {registry}:$IMAGE_TAG

deploy-image:
  stage: deploy
  image: ghcr.io/dagster-io/dagster-cloud-action:{version}
  rules: *always
  needs: [initialize, build-image]
  script:
    - dagster-cloud ci set-build-output --image-tag=$IMAGE_TAG
    - dagster-cloud ci deploy
  environment:
    name: branch/$CI_COMMIT_REF_NAME
    on_stop: close-branch

close-branch:
  stage: deploy
  image: ghcr.io/dagster-io/dagster-cloud-action:{version}
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
      when: manual
      allow_failure: true
  script:
    - {stop}dagster-cloud ci branch-deployment $PROJECT --mark-closed
  environment:
    name: branch/$CI_COMMIT_REF_NAME
    action: stop
"""


def official_pipeline(*, with_guide: bool) -> str:
    """The pipeline of the hybrid location.

    Args:
        with_guide: whether it has the two changes that our guide asks for.
    """
    words = {
        "version": version("dagster-cloud"),
        "registry": PLACEHOLDER,
        "check": "--dagster-cloud-connect-check=skip" if with_guide else "",
        "stop": "DAGSTER_CLOUD_ORGANIZATION= " if with_guide else "",
    }
    return _filled(_PIPELINE, words)


def official_workflows(*, with_guide: bool) -> dict[str, str]:
    """The workflows of both locations, by path.

    Args:
        with_guide: whether they have the two changes that our guide asks for.
    """
    words = {
        "official": "dagster-io/dagster-cloud-action/actions/utils",
        "version": version("dagster-cloud"),
        "python": PYTHON,
        "registry": PLACEHOLDER,
        "prerun": '        env: {DAGSTER_CLOUD_ORGANIZATION: ""}' if with_guide else "",
        "check": "--dagster-cloud-connect-check=skip" if with_guide else "",
    }
    made = {}
    for name in LOCATIONS:
        text = _HEAD + {SERVERLESS: _PEX, HYBRID: _IMAGE}[name] + _END
        made[f".github/workflows/{name}.yml"] = _filled(text, {**words, "name": name})
    return made


def _filled(text: str, words: Mapping[str, str]) -> str:
    # Both kinds of files are full of braces that `format` would read.
    for key, value in words.items():
        text = text.replace(f"{{{key}}}", value)
    return text
