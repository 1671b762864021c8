"""Real git repositories to ask about."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

from dagstead.repository.changes import Changes, ChangesQuery, find_changes
from dagstead.repository.changes.reports import as_lines
from dagstead.repository.changes.workflow_files import known_from_workflows

#: Nothing of the machine that tests run on may matter.
ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")} | {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_SYSTEM": "/dev/null",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    # No process more for each commit.
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "maintenance.auto",
    "GIT_CONFIG_VALUE_0": "false",
}


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository in a folder."""

    root: Path

    @classmethod
    def made(cls, root: Path, files: Mapping[str, str | None]) -> Repository:
        """A repository with one commit of some files."""
        root.mkdir(parents=True, exist_ok=True)
        repository = cls(root)
        repository.git("init", "--quiet", "--template=", "--initial-branch", "main")
        repository.write(files)
        repository.commit()
        return repository

    def git(self, *words: str) -> str:
        """What git prints."""
        done = subprocess.run(
            ["git", *words], cwd=self.root, env=ENVIRONMENT, capture_output=True, check=False
        )
        assert done.returncode == 0, done
        return os.fsdecode(done.stdout).strip()

    def write(self, files: Mapping[str, str | None]) -> None:
        """Write files, and delete those whose text is ``None``."""
        for path, text in files.items():
            file = self.root / path
            if text is None:
                file.unlink()
                continue
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(dedent(text).encode())

    def commit(self, files: Mapping[str, str | None] | None = None) -> str:
        """Commit everything, after some writing; the commit."""
        self.write(files or {})
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "change")
        return self.git("rev-parse", "HEAD")

    def changes(self, since: str = "HEAD", folder: str = ".", **options: Any) -> Changes:
        """What the command would find."""
        query = ChangesQuery(path=self.root / folder, since=since, **options)
        return find_changes(query, more_known=known_from_workflows)

    def touched(self, since: str = "HEAD", folder: str = ".", **options: Any) -> set[str]:
        """The names of the touched locations."""
        return names(self.changes(since, folder, **options))


def names(changes: Changes) -> set[str]:
    """The names of the touched locations."""
    return {each.location.name.value for each in changes.touched}


def cloud(**folders: str) -> str:
    """A ``dagster_cloud.yaml`` with serverless locations, by their folders."""
    return "locations:\n" + "".join(
        f"  - location_name: {name}\n"
        f"    code_source: {{package_name: {name}}}\n"
        f"    build: {{directory: {folder}}}\n"
        for name, folder in folders.items()
    )


def hybrid(**folders: str) -> str:
    """The same with locations that become images."""
    return cloud(**folders).replace("directory:", "registry: registry.example.com/x, directory:")


#: Two serverless locations.
HOME = {"dagster_cloud.yaml": cloud(etl="etl", other="other"), "etl/x.py": "", "other/x.py": ""}


def lines(repository: Repository, since: str = "HEAD") -> list[str]:
    """A line for each path, as ``--why`` prints them."""
    return list(as_lines(repository.changes(since), every_path=True))
