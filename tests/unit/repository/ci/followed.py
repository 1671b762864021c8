"""Workflows that are followed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dagstead.repository.ci.acts import Act
from dagstead.repository.ci.inspection import Inspection, inspect
from dagstead.repository.ci.model import Event
from dagstead.repository.files import read_project
from dagstead.repository.rules.base import Finding, Subject
from dagstead.repository.rules.checking import judge
from dagstead.repository.rules.evidence import Evidence
from dagstead.repository.rules.registry import rules_about
from dagstead.repository.rules.workflows.examples import ETL, TRAIN, WORKFLOW, locations, workflow

OFFICIAL = "dagster-io/dagster-cloud-action/actions"
ON_ALL = """\
  push:
    branches: [main]
  pull_request:
    types: [opened, synchronize, reopened, closed]
"""


def followed(root: Path, files: Mapping[str, str]) -> Inspection:
    (root / ".git").mkdir(exist_ok=True)
    for path, text in {**locations(ETL, TRAIN), **files}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return inspect(read_project(root))


def acts(root: Path, *steps: str, event: Event = Event.PUSH, **more: str) -> list[Act]:
    """What the steps of one workflow do for an event."""
    text = workflow(*steps, on=ON_ALL, **more)
    (only,) = followed(root, {WORKFLOW: text}).workflows
    return [act for _, act in only.acts(event)]


def action(part: str, **inputs: str) -> str:
    written = "".join(f"\n  {name}: {value}" for name, value in inputs.items())
    return f"uses: {OFFICIAL}/{part}@v1.13.7" + (f"\nwith:{written}" if written else "")


def examine(inspection: Inspection) -> tuple[Finding, ...]:
    """What the rules about workflows find."""
    evidence = Evidence(project=inspection.project, followed=inspection)
    return judge(evidence, rules_about(Subject.WORKFLOWS))
