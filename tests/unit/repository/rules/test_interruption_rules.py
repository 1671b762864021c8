"""DW152 on GitLab: deploys that a newer pipeline cancels."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagstead.repository.ci.inspection import inspect
from dagstead.repository.ci.model import Event
from dagstead.repository.files import read_project
from dagstead.repository.rules.checking import check
from dagstead.repository.rules.workflows.examples import ETL, locations

_SCRIPT = (
    "  script:\n    - dagster-cloud ci init --project-dir . --deployment prod\n"
    "    - dagster-cloud ci build --build-strategy python-executable\n"
    "    - dagster-cloud ci deploy\n"
)
_MAIN = "    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH\n"
_LINT = "lint:\n  script: [ruff check]\n"
_DOCS = f"docs:\n  rules:\n{_MAIN}      changes: [docs/**/*]\n  script: [mkdocs build]\n"
_CHANGES = "      changes: [etl/**/*, dagster_cloud.yaml]\n"


def _written(root: Path, pipeline: str) -> Path:
    (root / ".git").mkdir()
    for path, text in {**locations(ETL), ".gitlab-ci.yml": pipeline}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return root


@pytest.mark.parametrize(
    ("head", "job", "found"),
    [
        # No pipeline starts without the job, so that nothing cancels it for good.
        ("", f"  interruptible: true\n  rules:\n{_MAIN}{_CHANGES}", []),
        (_DOCS, f"  interruptible: true\n  rules:\n{_MAIN}{_CHANGES}", ["DW152"]),
        (f"default:\n  interruptible: true\n{_LINT}", f"  rules:\n{_MAIN}{_CHANGES}", ["DW152"]),
        # A job that must not be interrupted keeps the whole pipeline ...
        (_LINT, f"  interruptible: true\n  rules:\n{_MAIN}{_CHANGES}", []),
        # ... unless jobs are cancelled one by one.
        (
            f"workflow:\n  auto_cancel:\n    on_new_commit: interruptible\n{_LINT}",
            f"  interruptible: true\n  rules:\n{_MAIN}{_CHANGES}",
            ["DW152"],
        ),
        ("", f"  interruptible: true\n  rules:\n{_MAIN}", []),
        ("", f"  interruptible: false\n  rules:\n{_MAIN}{_CHANGES}", []),
        (
            f"workflow:\n  auto_cancel:\n    on_new_commit: none\n{_DOCS}",
            f"  interruptible: true\n  rules:\n{_MAIN}{_CHANGES}",
            [],
        ),
    ],
)
def test_an_interruptible_job_that_looks_at_changes_loses_deploys(
    head: str, job: str, found: list[str], tmp_path: Path
) -> None:
    root = _written(tmp_path, f"{head}deploy:\n{job}{_SCRIPT}")
    codes = [each for each in check(read_project(root)) if each.code in {"DW152", "DS503"}]

    assert [each.code for each in codes] == found
    assert all(each.found.instead == "Write interruptible: false" for each in codes)


@pytest.mark.parametrize(
    ("rules", "events"),
    [
        ("", {Event.PUSH}),
        (_MAIN, {Event.PUSH}),
        ('    - if: $CI_PIPELINE_SOURCE == "merge_request_event"\n', {Event.CHANGE}),
        ("    - when: always\n", {Event.PUSH, Event.CHANGE}),
        (
            '    - if: $CI_PIPELINE_SOURCE == "merge_request_event"\n      when: never\n' + _MAIN,
            {Event.PUSH},
        ),
    ],
)
def test_rules_of_a_pipeline_say_what_its_jobs_run_for(
    rules: str, events: set[Event], tmp_path: Path
) -> None:
    head = f"workflow:\n  rules:\n{rules}" if rules else ""
    root = _written(tmp_path, f"{head}deploy:\n{_SCRIPT}")

    (workflow,) = inspect(read_project(root)).workflows

    assert {each.event for each in workflow.runs} == events
