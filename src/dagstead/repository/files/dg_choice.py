"""Which projects ``dg plus deploy`` is to deploy."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from dagstead.repository.files.dg import (
    dg_files,
    directory_type,
    project_name,
    workspace_projects,
)
from dagstead.repository.files.named import NamedFiles
from dagstead.repository.files.project import ConfigFile
from dagstead.repository.files.set_aside import why_set_aside


@dataclass(frozen=True, kw_only=True)
class DgProjects:
    """The projects and workspaces of dg among files; folders, and ``.`` for the root."""

    files: Sequence[ConfigFile]
    #: The name of the root's own folder.
    root_name: str

    @cached_property
    def settings(self) -> Mapping[str, ConfigFile]:
        """The file that dg reads in each folder."""
        found = dg_files(self.files)
        return {
            folder or ".": file for folder, file in found.items() if not folder.startswith("..")
        }

    @cached_property
    def names(self) -> Mapping[str, str]:
        """The name of each project's location, by its folder."""
        found = ((each, project_name(file, self.root_name)) for each, file in self.settings.items())
        return {folder: name for folder, name in found if name is not None}

    @cached_property
    def listed(self) -> Mapping[str, frozenset[str]]:
        """The folders that each workspace lists, by its own."""
        return {
            folder: frozenset(path for path, _ in workspace_projects(file))
            for folder, file in self.settings.items()
            if directory_type(file) == "workspace"
        }

    def path(self, folder: str) -> str:
        """The file that makes a folder a project."""
        return self.settings[folder].path

    def given(self, named: NamedFiles) -> Iterator[str]:
        """The projects of the folders that ``dg plus deploy`` is given; it looks upwards."""
        known = self.names.keys() | self.listed.keys()
        for folder in named.dg:
            at = _nearest(folder, known)
            if at is None:
                continue
            if at in self.names:
                yield at
            else:
                yield from (each for each in self.listed[at] if each in self.names)

    def why_not(self, folder: str) -> str | None:
        """Why dg would not deploy a project from the root; ``None`` where it would."""
        aside = why_set_aside(self.path(folder))
        if aside is not None:
            return aside
        around = _nearest(folder, self.listed)
        if around is None or folder in self.listed[around]:
            return None
        workspace = self.settings[around].path
        return f"it is not in the project list of {workspace}"


def _nearest(folder: str, known: Mapping[str, object] | frozenset[str] | set[str]) -> str | None:
    """The nearest of some folders at or above one."""
    at = folder
    while at not in known:
        if at in {"", "."}:
            return None
        at = posixpath.dirname(at) or "."
    return at
