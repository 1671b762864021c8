"""dg projects and workspaces, put together into entries of the form of ``dagster_cloud.yaml``.

Their files are ``pyproject.toml`` or ``dg.toml``, ``build.yaml`` and ``container_context.yaml``.
The rules are those of ``dagster_dg_cli.cli.utils.create_temp_dagster_cloud_yaml_file``, which is
what ``dg plus deploy`` builds from.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from dagstead.model.families import Family
from dagstead.model.location import Location, Origin
from dagstead.model.nodes import Entry, Node, mapping, scalar
from dagstead.repository.files.locations import make_location
from dagstead.repository.files.merge import merge_for_dg
from dagstead.repository.files.project import ConfigFile
from dagstead.repository.files.uv_workspaces import uv_workspaces, workspace_around

_PROJECT = "project"
_WORKSPACE = "workspace"


def dg_section(file: ConfigFile) -> Node | None:
    """Dg's settings in ``dg.toml`` or ``pyproject.toml``, ``None`` where there are none."""
    if file.root is None or file.family is not Family.DG:
        return None
    return file.root if file.path.endswith("dg.toml") else file.root.get("tool", "dg")


def directory_type(file: ConfigFile) -> str | None:
    """``project`` or ``workspace``, as ``directory_type`` says."""
    section = dg_section(file)
    node = None if section is None else section.get("directory_type")
    return None if node is None else node.text


def dg_files(files: Sequence[ConfigFile]) -> Mapping[str, ConfigFile]:
    """The file that dg reads in each folder: ``dg.toml`` hides ``pyproject.toml``."""
    chosen: dict[str, ConfigFile] = {}
    for file in files:
        if dg_section(file) is not None and (
            file.folder not in chosen or file.path.endswith("dg.toml")
        ):
            chosen[file.folder] = file
    return chosen


def workspace_projects(file: ConfigFile) -> Iterator[tuple[str, Node]]:
    """The folders that a workspace lists, relative to the root of the project, with their nodes."""
    section = dg_section(file)
    listed = None if section is None else section.get(_WORKSPACE, "projects")
    for each in () if listed is None else listed.items:
        path = each.get("path")
        if path is not None and path.text:
            yield posixpath.normpath(posixpath.join(file.folder, path.text)), path


def project_name(file: ConfigFile, root_name: str) -> str | None:
    """The name of a project's location; ``None`` for what is no project."""
    section = dg_section(file)
    table = None if section is None else section.get(_PROJECT)
    if directory_type(file) != _PROJECT or table is None or not table.is_mapping:
        return None
    name = table.get("code_location_name")
    if name is not None and name.text:
        return name.text
    return posixpath.basename(file.folder) or root_name


def dg_locations(files: Sequence[ConfigFile], root_name: str) -> Iterator[Location]:
    """The locations of all dg projects. ``root_name`` is the name of the root's own folder."""
    uv = uv_workspaces(files)
    chosen = dg_files(files)
    beside = {each.path: each for each in files}
    workspaces = {
        folder: file
        for file in chosen.values()
        if directory_type(file) == _WORKSPACE
        for folder, _ in workspace_projects(file)
    }
    for file in chosen.values():
        if directory_type(file) == _PROJECT:
            workspace = workspaces.get(posixpath.normpath(file.folder or "."))
            around = workspace_around(file.folder, uv)
            yield from _Project(file, workspace, beside, root_name, around).location()


@dataclass(frozen=True, slots=True)
class _Project:
    file: ConfigFile
    workspace: ConfigFile | None
    beside: Mapping[str, ConfigFile]
    root_name: str
    uv_workspace: str | None

    def location(self) -> Iterator[Location]:
        section = dg_section(self.file)
        table = None if section is None else section.get(_PROJECT)
        if table is None or not table.is_mapping:
            return
        general = _files_entry(self.workspace, self.beside, table)
        own = mapping((*self._own(table), *_files_of(self.file, self.beside)), table)
        yield make_location(
            own if general is None else merge_for_dg(general, own),
            written=table,
            file=self.file,
            general=general,
            general_origin=Origin.WORKSPACE,
            uv_workspace=self.uv_workspace,
        )

    def _own(self, table: Node) -> Iterator[Entry]:
        yield _entry("location_name", self._name(table))
        module = table.get("code_location_target_module")
        root_module = table.get("root_module")
        if module is None and root_module is not None and root_module.text:
            module = scalar(f"{root_module.text}.definitions", root_module)
        if module is not None:
            inner = mapping((_entry("module_name", module),), module)
            yield _entry("code_source", inner)
        for key in ("agent_queue", "image"):
            value = table.get(key)
            if value is not None:
                yield _entry(key, value)

    def _name(self, table: Node) -> Node:
        name = table.get("code_location_name")
        if name is not None and name.text:
            return name
        return scalar(posixpath.basename(self.file.folder) or self.root_name, table)


def _files_entry(
    file: ConfigFile | None, beside: Mapping[str, ConfigFile], at: Node
) -> Node | None:
    if file is None:
        return None
    entries = tuple(_files_of(file, beside))
    return mapping(entries, at) if entries else None


def _files_of(file: ConfigFile, beside: Mapping[str, ConfigFile]) -> Iterator[Entry]:
    """What ``build.yaml`` and ``container_context.yaml`` beside a file add to an entry."""
    for key, name in (("build", "build.yaml"), ("container_context", "container_context.yaml")):
        found = beside.get(posixpath.join(file.folder, name))
        if found is not None and found.root is not None and found.root.is_mapping:
            yield _entry(key, found.root)


def _entry(key: str, value: Node) -> Entry:
    return Entry(scalar(key, value), value)
