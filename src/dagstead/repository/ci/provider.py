"""Whose CI it is, and where its files are."""

from __future__ import annotations

from enum import StrEnum

#: The folder of GitHub's workflows, and the file of GitLab's pipeline.
FOLDER = ".github/workflows"
FILE = ".gitlab-ci.yml"


class Provider(StrEnum):
    """Whose CI it is."""

    GITHUB = "github"
    GITLAB = "gitlab"
