"""Workflows for the repositories of these tests."""

from __future__ import annotations

MAIN = "{push: {branches: [main]}}"
ACTION = "dagster-io/dagster-cloud-action/actions/utils"
STEPS = """
          - uses: actions/checkout@v4
          - run: pip install dagster-cloud
          - run: dagster-cloud ci init --project-dir . --deployment prod
          - run: dagster-cloud ci build --build-strategy python-executable
          - run: dagster-cloud ci deploy
    """


def workflow(on: str, steps: str = STEPS, more: str = "", top: str = "") -> str:
    """One that runs the steps for an event."""
    return f"""
    on: {on}
    {top}
    jobs:
      deploy:
        {more}
        runs-on: ubuntu-24.04
        steps:{steps.rstrip()}
    """
