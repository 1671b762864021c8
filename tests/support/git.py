"""Git as a person of the tests uses it."""

from __future__ import annotations

import subprocess
from pathlib import Path

_PERSON = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
#: No process more for each commit.
_PLAIN = ("-c", "maintenance.auto=false")


def git(folder: Path, *arguments: str) -> str:
    """What git prints for a command in a folder; a failing one fails the test."""
    return subprocess.run(
        ["git", *_PERSON, *_PLAIN, *arguments],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()


def commit_all(folder: Path, message: str = "Change") -> str:
    """Commit everything, in a repository that is made when there is none; the hash."""
    if not (folder / ".git").exists():
        git(folder, "init", "--quiet", "--template=", "--initial-branch", "main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", message)
    return git(folder, "rev-parse", "HEAD")
