"""Touched locations in the forms that CI takes jobs in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from dagstead.repository.changes import Changes
from dagstead.repository.files.yaml_text import Yaml, dump
from dagstead.repository.workflows.github import matrix_entries
from dagstead.repository.workflows.plan import PlannedSession, sessions_of

#: The job that a child pipeline's jobs extend; a person writes it.
GITLAB_TEMPLATE = ".dagster-location"

#: What :func:`matrix_entries` calls them, as variables of a job.
_VARIABLES = {"file": "LOCATIONS_FILE"}


def github_matrix(changes: Changes) -> str:
    """The matrix of a job, in one line: its entries are those of pattern C."""
    return json.dumps({"include": list(matrix_entries(_sessions(changes)))})


def gitlab_child(changes: Changes) -> str:
    """A child pipeline with a job for each location.

    Without one it has a job that does nothing: GitLab makes no pipeline without jobs.
    """
    jobs: dict[str, Yaml] = {}
    for entry in matrix_entries(_sessions(changes)):
        jobs[f"deploy {entry['slug']}"] = {
            "extends": GITLAB_TEMPLATE,
            "variables": {
                _VARIABLES.get(key, key.upper()): value.replace("$", "$$")
                for key, value in entry.items()
            },
        }
    if not jobs:
        jobs["nothing to deploy"] = {
            "variables": {"GIT_STRATEGY": "none"},
            "script": ["echo 'No code location is touched.'"],
        }
    return dump(jobs, heading=["Made by `dagstead changes --format gitlab`."]).rstrip()


def _sessions(changes: Changes) -> Iterator[PlannedSession]:
    touched = {each.location.name.value for each in changes.touched}
    for session in sessions_of(changes.project):
        targets = tuple(each for each in session.targets if each.name in touched)
        if targets:
            yield replace(session, targets=targets)
