"""Of which kind the projects of dg are, as CI has them built."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.corpus.repository import DEPLOY, PACKAGE, repository_of


@pytest.mark.parametrize(
    ("agent", "kind", "answer"),
    [("serverless", "serverless", "managed pool"), ("hybrid", "hybrid", "an agent that you run")],
)
def test_dg_says_for_which_agent_it_builds_whatever_registry_stands_there(
    agent: str, kind: str, answer: str, tmp_path: Path
) -> None:
    dg = "dagster-io/dagster-cloud-action/actions/utils/dg"
    files = {
        "pyproject.toml": PACKAGE
        + """
    [tool.dg]
    directory_type = "project"
    [tool.dg.project]
    root_module = "tides"
    """,
        "build.yaml": "directory: .\nregistry: registry.example.com/tides\n",
        "Dockerfile": "FROM python:3.12-slim\n",
        "src/tides/__init__.py": "",
        "src/tides/definitions.py": "",
        DEPLOY: f"""
            on: {{push: {{branches: [main]}}}}
            jobs:
              deploy:
                runs-on: ubuntu-24.04
                steps:
                  - uses: {dg}-deploy-init@v1.13.7
                    with: {{project_dir: ., deployment: prod}}
                  - uses: {dg}-cli@v1.13.7
                    with: {{command: "plus deploy build-and-push --agent-type={agent}"}}
                  - uses: {dg}-cli@v1.13.7
                    with: {{command: "plus deploy finish"}}
            """,
    }
    made = repository_of(tmp_path / "tides", files)

    page = made.said("explain", "tides")

    assert made.routes()["routes"][0]["kind"] == kind
    assert answer in made.said("routes")
    assert f"kind     {kind}: " in page
    assert answer in page
    assert ("Dockerfile is not used" in page) is (agent == "serverless")
    assert "no build.registry says" not in page
