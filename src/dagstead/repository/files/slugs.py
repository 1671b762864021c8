"""Names of locations in the form of tags and file names."""

from __future__ import annotations

import re

from dagstead.repository.files.project import Project

#: A tag of an image has at most 128 characters; the rest of it are a commit and numbers.
_LENGTH = 48


def slug_of(name: str) -> str:
    """A name in the form of tags and file names; two names may have the same."""
    slug = re.sub(r"[^a-z0-9_]+", "-", name.lower()).strip("-_")
    return slug[:_LENGTH].rstrip("-_") or "location"


def slugs_of(project: Project) -> dict[str, str]:
    """A slug for each location of a project, by name; no two are the same."""
    slugs: dict[str, str] = {}
    for each in project.locations:
        base = slug = slug_of(each.name.value)
        number = 2
        while slug in slugs.values():
            slug = f"{base}-{number}"
            number += 1
        slugs[each.name.value] = slug
    return slugs
