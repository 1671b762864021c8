"""Completion of arguments in the shell."""

from __future__ import annotations

from pathlib import Path


def complete_location(incomplete: str) -> list[str]:
    """Names of locations in the current folder that start so; none if it cannot be read."""
    from dagstead.errors import DagsteadError
    from dagstead.repository.ci.projects import read_project

    try:
        project = read_project(Path())
    except (DagsteadError, OSError):
        return []
    names = [each.name.value for each in project.locations]
    return sorted(each for each in names if each.startswith(incomplete))
