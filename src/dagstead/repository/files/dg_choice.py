"""Which projects ``dg plus deploy`` is to deploy."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from dagstead.model.nodes import Node
from dagstead.repository.files.dg import (
    dg_files,
    directory_type,
    project_name,
    workspace_projects,
)
from dagstead.repository.files.named import NamedFiles
from dagstead.repository.files.project import ConfigFile
from dagstead.repository.files.set_aside import why_set_aside

_NAME = re.compile(r"[\w.-]+")
#: Groups of entry points by which dg finds components of packages that are installed.
_REGISTRIES = frozenset(
    {
        "dagster_dg.library",
        "dagster_dg.plugin",
        "dagster_dg_cli.plugin",
        "dagster_dg_cli.registry_modules",
    }
)


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
        settings = self.settings[folder]
        aside = why_set_aside(settings.path, settings.source.text)
        if aside is not None:
            return aside
        around = _nearest(folder, self.listed)
        if around is not None:
            is_listed = folder in self.listed[around]
            workspace = self.settings[around].path
            return None if is_listed else f"it is not in the project list of {workspace}"
        installs = self._installed.get(folder)
        return None if installs is None else f"it is a package of components for {installs}"

    @cached_property
    def _installed(self) -> Mapping[str, str]:
        """Projects that offer components to others, each with the file of one that installs it."""
        packages = {each: self.settings[each].root for each in self.names}
        wanted: dict[str, str] = {}
        for folder, root in packages.items():
            for name in _requirements(root):
                wanted.setdefault(name, self.path(folder))
        found = {}
        for folder, root in packages.items():
            package = None if root is None else root.get("project", "name")
            text = "" if package is None else package.text or ""
            by = wanted.get(_normal(text))
            if by is not None and _offers_components(root):
                found[folder] = by
        return found


def _offers_components(root: Node | None) -> bool:
    groups = None if root is None else root.get("project", "entry-points")
    return any(each.key.value in _REGISTRIES for each in (() if groups is None else groups.entries))


def _requirements(root: Node | None) -> Iterator[str]:
    listed = None if root is None else root.get("project", "dependencies")
    for each in () if listed is None else listed.items:
        found = _NAME.match(each.text or "")
        if found:
            yield _normal(found[0])


def _normal(name: str) -> str:
    """The name of a package as installers compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _nearest(folder: str, known: Mapping[str, object] | frozenset[str] | set[str]) -> str | None:
    """The nearest of some folders at or above one."""
    at = folder
    while at not in known:
        if at in {"", "."}:
            return None
        at = posixpath.dirname(at) or "."
    return at
