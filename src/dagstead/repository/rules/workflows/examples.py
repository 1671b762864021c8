"""The parts that examples of rules about workflows are made of."""

from __future__ import annotations

WORKFLOW = ".github/workflows/deploy.yml"
CI_INIT = "dagster-io/dagster-cloud-action/actions/utils/ci-init@v1.13.7"
PRERUN = "dagster-io/dagster-cloud-action/actions/utils/prerun@v1.13.7"
CALL = "dagster-io/dagster-cloud-action/actions/utils/dagster-cloud-cli@v1.13.7"

ETL = """\
  - location_name: etl
    code_source:
      package_name: etl
    build:
      directory: etl
"""
TRAIN = """\
  - location_name: train
    code_source:
      package_name: train
    build:
      directory: train
      registry: registry.example.com/train
    agent_queue: gpu
"""


def locations(*entries: str) -> dict[str, str]:
    """A ``dagster_cloud.yaml`` of an example, with the folders that are built."""
    made = {"dagster_cloud.yaml": "locations:\n" + "".join(entries)}
    if ETL in entries:
        made["etl/setup.py"] = "# etl\n"
    if TRAIN in entries:
        made["train/Dockerfile"] = "FROM python:3.12-slim\n"
    return made


def workflow(
    *steps: str, on: str = "  push:\n    branches: [main]\n", head: str = "", job: str = ""
) -> str:
    """A workflow of an example, with one job."""
    written = "".join(f"      - {_indented(each)}\n" for each in steps)
    runner = "" if "runs-on" in job else "    runs-on: ubuntu-24.04\n"
    return f"on:\n{on}{head}jobs:\n  deploy:\n{runner}{job}    steps:\n{written}"


def call(command: str) -> str:
    """A step that calls the official command line through its action."""
    return f"uses: {CALL}\nwith:\n  command: {command}"


#: Begins a session with all locations.
BEGIN = f"uses: {CI_INIT}\nwith:\n  project_dir: ."
BUILD = call("ci build --build-strategy python-executable")
DEPLOY = call("ci deploy")
#: The steps that deploy a repository whose locations are all serverless.
SERVERLESS = (BEGIN, BUILD, DEPLOY)


def _indented(text: str) -> str:
    return text.replace("\n", "\n        ")
