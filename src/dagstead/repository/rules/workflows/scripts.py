"""DS505 and DS506: single commands that do not do what they are called for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dagstead.repository.ci.inspection import Inspection
from dagstead.repository.ci.provider import Provider
from dagstead.repository.ci.scripts import program_words, scripts_of
from dagstead.repository.ci.shell import Call
from dagstead.repository.rules.base import Violation, workflow_rule
from dagstead.repository.rules.workflows.visit import acts, once

_NOTIFY = "ci notify"
_CLOUD = re.compile(r"(?:.*/)?[^/]*dagster[_-]cloud[^/]*\.ya?ml")
_PATTERN = re.compile(r"[*?\[{]")


@workflow_rule(
    "DS505",
    "notify-outside-github",
    reason="""
        `dagster-cloud ci notify` writes to pull requests of GitHub. Everywhere else it fails, and
        the job with it.
        """,
    bad={".gitlab-ci.yml": "deploy:\n  script:\n    - dagster-cloud ci notify\n"},
    good={".gitlab-ci.yml": "deploy:\n  script:\n    - dagster-cloud ci status\n"},
)
def notify_outside_github(inspection: Inspection) -> Iterator[Violation]:
    """`ci notify` runs on GitHub only."""
    return once(_notifying(inspection))


def _notifying(inspection: Inspection) -> Iterator[Violation]:
    for inspected, _, act in acts(inspection):
        if act.by == _NOTIFY and inspected.workflow.provider is not Provider.GITHUB:
            yield Violation(
                position=act.position,
                message="'ci notify' works on GitHub only",
                instead="Use 'ci status'",
            )


@workflow_rule(
    "DS506",
    "files-joined-by-cat",
    reason="""
        Files that are joined with `cat` have several `locations` keys, and YAML readers drop all
        but the last. See DS201.
        """,
    bad={"join.sh": "cat */dagster_cloud.yaml > dagster_cloud.yaml\n"},
    good={"deploy.sh": "dagster-cloud ci init --dagster-cloud-yaml-path dagster_cloud.yaml\n"},
)
def files_joined_by_cat(inspection: Inspection) -> Iterator[Violation]:
    """`dagster_cloud.yaml` files are not joined as text."""
    for script in scripts_of(inspection.project, inspection.files):
        for call, position in script.calls():
            if _joins(call):
                yield Violation(
                    position=position,
                    message="the joined file keeps the locations of the last part only",
                    instead="Keep one 'locations:' key and put every location below it",
                )


def _joins(call: Call) -> bool:
    program, *words = program_words(call)
    files = [word for word in words if word and _CLOUD.fullmatch(word)]
    several = len(files) > 1 or any(_PATTERN.search(file) for file in files)
    return program == "cat" and several and bool(call.outputs)
