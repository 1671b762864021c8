"""The configuration files of earlier commits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol

from dagstead.errors import GitError, InvalidInputError
from dagstead.repository.changes.git import LINK, SUBMODULE, Git, open_repository
from dagstead.repository.files.families import is_cloud
from dagstead.repository.files.project import Project

#: A location that was lost longer ago is named by nobody any more.
_MOST_COMMITS = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Version:
    """A commit."""

    commit: str
    #: Its ``dagster_cloud.yaml`` files, by path relative to the root of the project.
    files: Mapping[str, bytes]


class History(Protocol):
    """Earlier versions of the configuration."""

    def versions(self) -> Iterator[Version]:
        """The commits that changed such a file, newest first."""


class NoHistory:
    """Outside of git, and before the first commit."""

    def versions(self) -> Iterator[Version]:
        """None."""
        return iter(())


@dataclass(frozen=True, slots=True)
class GitHistory:
    """What git knows of a project."""

    git: Git

    def versions(self) -> Iterator[Version]:
        """The commits that changed such a file, newest first."""
        prefix = f"{self.git.prefix}/" if self.git.prefix else ""
        globs = [f"{prefix}**/dagster[_-]cloud*.y{end}" for end in ("ml", "aml")]
        for commit in self.git.commits(globs, most=_MOST_COMMITS):
            kept = {
                each.path.removeprefix(prefix): each.sha
                for each in self.git.kept(commit)
                if each.path.startswith(prefix)
                and is_cloud(PurePosixPath(each.path).name)
                and each.mode not in {LINK, SUBMODULE}
            }
            contents = self.git.contents(kept.values())
            files = {path: contents[sha] for path, sha in kept.items() if sha in contents}
            yield Version(commit=commit, files=files)


def history_of(project: Project) -> History:
    """The history of a project, as far as git has one."""
    try:
        return GitHistory(open_repository(project.root))
    except (GitError, InvalidInputError):
        return NoHistory()
