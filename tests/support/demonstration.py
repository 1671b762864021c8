"""A small repository such as teams have that try both kinds of locations for the first time.

It has no file at its root: two folders, a configuration and a workflow for each, a lock file that
nobody has renewed, and a page that shows how to install an agent in four ways.
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

from tests.support.demonstration_agents import AGENTS, QUEUE
from tests.support.git import commit_all

SERVERLESS = "ferries"
HYBRID = "orchards"
LOCATIONS = (SERVERLESS, HYBRID)
#: The job that both locations have; what it prints says where it ran.
JOB = "report"

#: What its PEX file is built for: the Python that is here.
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"

PLACEHOLDER = "registry.example.com/harbour/orchards"

_README = f"""\
# Harbour

Two code locations: `{SERVERLESS}` is serverless, `{HYBRID}` runs on our own machines.
[How to install the agent](docs/agents.md).
"""

_IGNORED = "__pycache__/\n.venv/\n*.egg-info/\ndist/\n"

_FERRIES = f"""\
locations:
  # Crossings of the day. No registry, no queue: serverless.
  - location_name: {SERVERLESS}
    code_source:
      module_name: {SERVERLESS}.definitions
    build:
      directory: .
"""

_ORCHARDS = f"""\
locations:
  # Harvests, beside the scales that weigh them.
  - location_name: {HYBRID}
    code_source:
      module_name: {HYBRID}.definitions
    build:
      directory: .
      registry: {{registry}}
    agent_queue: {QUEUE}
"""

_PROJECT = """\
[build-system]
requires = ["uv_build"]
build-backend = "uv_build"

[project]
name = "{name}"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = [
  "dagster=={dagster}",
  "dagster-cloud=={dagster}",
]
"""

#: It knows one package, of the time before there was a location; its index is gone.
_STALE_LOCK = f"""\
version = 1
revision = 2
requires-python = ">=3.10"

[[package]]
name = "{SERVERLESS}"
version = "0.0.1"
source = {{ editable = "." }}
dependencies = [
    {{ name = "tabulate" }},
]

[package.metadata]
requires-dist = [{{ name = "tabulate", specifier = ">=0.9" }}]

[[package]]
name = "tabulate"
version = "0.9.0"
source = {{ registry = "https://packages.example.com/simple" }}
"""

_DEFINITIONS = """\
from pathlib import Path

import dagster as dg


@dg.op
def say_where(context):
    place = "a container" if Path("/.dockerenv").exists() else "no container"
    print(f"{name} ran in {{place}}, from {{Path(__file__).parent}}")


@dg.job
def {job}():
    say_where()


defs = dg.Definitions(jobs=[{job}])
"""

_DOCKERFILE = f"""\
FROM python:3.11-slim

WORKDIR /opt/{HYBRID}
COPY pyproject.toml README.md ./
COPY src src
RUN pip install --no-cache-dir .
RUN install --directory --mode=777 /opt/dagster/app
"""

_HEAD = """\
name: Deploy {name}
on:
  push:
    branches: [main]
    paths: ["pipelines/{name}/**", ".github/workflows/{name}.yml"]
permissions:
  contents: read
concurrency:
  group: deploy-{name}
env:
  DAGSTER_CLOUD_ORGANIZATION: dagstead
  DAGSTER_CLOUD_URL: ${{{{ vars.DAGSTER_CLOUD_URL }}}}
  DAGSTER_CLOUD_API_TOKEN: ${{{{ secrets.DAGSTER_CLOUD_API_TOKEN }}}}
  PROJECT: pipelines/{name}
jobs:
  deploy:
    runs-on: ubuntu-24.04
    steps:
      - uses: actions/checkout@v5
        with:
          ref: ${{{{ github.sha }}}}
      - name: Begin the session
        uses: dagster-io/dagster-cloud-action/actions/utils/ci-init@v{dagster}
        with:
          project_dir: ${{{{ env.PROJECT }}}}
          dagster_cloud_yaml_path: dagster_cloud.yaml
          deployment: prod
"""

_BUILD_PEX = """\
      - name: Build a PEX file
        working-directory: ${{ env.PROJECT }}
        run: >-
          $DAGSTER_CLOUD_PEX -m dagster_cloud_cli.entrypoint ci build
          --build-strategy=python-executable --python-version={python}
          --pex-deps-cache-from=$GITHUB_REPOSITORY --pex-deps-cache-to=$GITHUB_REPOSITORY
"""

_BUILD_IMAGE = """\
      - uses: docker/login-action@v3
        with:
          registry: registry.example.com
          username: ${{ secrets.REGISTRY_USERNAME }}
          password: ${{ secrets.REGISTRY_PASSWORD }}
      - name: Build an image
        run: |
          docker build --tag "$IMAGE:$GITHUB_SHA" "$PROJECT"
          docker push "$IMAGE:$GITHUB_SHA"
        env:
          IMAGE: {registry}
      - name: Record the image
        run: >-
          $DAGSTER_CLOUD_PEX -m dagster_cloud_cli.entrypoint ci set-build-output
          --location-name=orchards --image-tag=$GITHUB_SHA
"""

_DEPLOY = """\
      - name: Deploy
        uses: dagster-io/dagster-cloud-action/actions/utils/dagster-cloud-cli@v{dagster}
        with:
          command: ci deploy
"""


def demonstration_files(registry: str = PLACEHOLDER) -> dict[str, str]:
    """The texts of the repository by path.

    Args:
        registry: what ``build.registry`` of the hybrid location names.
    """
    dagster = version("dagster")
    head = {name: _HEAD.format(name=name, dagster=dagster) for name in LOCATIONS}
    deploy = _DEPLOY.format(dagster=dagster)
    files = {
        "README.md": _README,
        ".gitignore": _IGNORED,
        "docs/agents.md": AGENTS,
        ".github/workflows/ferries.yml": (
            head[SERVERLESS] + _BUILD_PEX.replace("{python}", PYTHON) + deploy
        ),
        ".github/workflows/orchards.yml": (
            head[HYBRID] + _BUILD_IMAGE.replace("{registry}", registry) + deploy
        ),
        "pipelines/ferries/dagster_cloud.yaml": _FERRIES,
        "pipelines/ferries/uv.lock": _STALE_LOCK,
        "pipelines/orchards/dagster_cloud.yaml": _ORCHARDS.format(registry=registry),
        "pipelines/orchards/Dockerfile": _DOCKERFILE,
        "pipelines/orchards/README.md": "Harvests.\n",
    }
    for name in LOCATIONS:
        project = f"pipelines/{name}"
        files[f"{project}/pyproject.toml"] = _PROJECT.format(name=name, dagster=dagster)
        files[f"{project}/src/{name}/__init__.py"] = ""
        files[f"{project}/src/{name}/definitions.py"] = _DEFINITIONS.format(name=name, job=JOB)
    return files


def write_demonstration(folder: Path, *, registry: str = PLACEHOLDER) -> Path:
    """Write the repository into a folder, which is made, and commit it; the folder."""
    for path, text in demonstration_files(registry).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    commit_all(folder)
    return folder
