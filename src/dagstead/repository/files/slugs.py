"""Names of locations in the form of tags and file names."""

from __future__ import annotations

from dagstead.repository.files.decisions import free_slug
from dagstead.repository.files.project import Project


def slugs_of(project: Project) -> dict[str, str]:
    """A slug for each location of a project, by name; no two are the same."""
    slugs: dict[str, str] = {}
    for location in project.locations:
        slugs[location.name.value] = free_slug(location.name.value, slugs.values())
    return slugs
